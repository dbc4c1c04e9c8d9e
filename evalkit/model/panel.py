"""One row per firm; periods are columns. What every later stage reads."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError, UnknownNameError, did_you_mean
from evalkit.model import store
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Inference, Outcome

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FIRM, COHORT = "firm_id", "cohort"
DOSE, AWARD, POOL = "dose", "award", "comparison"
OTHER_AWARD = "other_award"
"""Column that says which firms have an award of another programme in the study's periods, where it is asked for."""
Kind = Literal["number", "category"]


@dataclasses.dataclass(frozen=True)
class PanelCovariate:
    """One covariate column of the panel, measured at baseline."""

    name: str
    kind: Kind


@dataclasses.dataclass(frozen=True, eq=False)
class Panel:
    """One row per firm, sorted by firm id: `firm_id`, `cohort`, covariates, and `<column>@<period>` values.

    Parameters
    ----------
    source : pyarrow.Table or Path
        The rows, in memory or as one Parquet file. `firm_id` is text and unique; `cohort` is the first treated
        period (int32), null for firms never treated; values are float64 in the data's unit, null when not observed.
    periods : tuple of int
        All periods in order.
    outcomes : tuple of Outcome
        What effects are asked for; `outcome.column` names the values, `outcome.transform` the scale.
    covariates : tuple of PanelCovariate
        Baseline covariates (float64 numbers or text categories).
    anticipation : int
        Periods before the award in which firms may already react.
    flow : Flow
        What happened on the way here.
    clusters : tuple of str
        One or two columns of categories; firms that share one are not independent. Empty: each firm is a cluster.
    inference : Inference
        How standard errors are corrected, and the level of intervals.
    dose : str
        Column of the amount awarded in the firm's first year with an award (int64, null for never treated and where
        it is not known); "" where the panel has none.
    award_path : str
        What the columns `<award_path>@<period>` of the amount awarded in each period start with (float64, 0 where
        there is no award, null where it is not known); "" where the panel has none.
    pool : str
        Column with the comparison group of each never-treated firm (text, null where it is in none); "" where the study
        names none.
    time_varying : tuple of str
        Covariates by period: what the columns `<name>@<period>` start with (float64, null where not observed).
    """

    source: "pa.Table | Path"
    periods: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    covariates: tuple[PanelCovariate, ...] = ()
    anticipation: int = 0
    flow: Flow = dataclasses.field(default_factory=Flow)
    clusters: tuple[str, ...] = ()
    inference: Inference = dataclasses.field(default_factory=Inference)
    dose: str = ""
    award_path: str = ""
    pool: str = ""
    time_varying: tuple[str, ...] = ()

    @property
    def n_firms(self) -> int:
        """Number of firms, which is the number of rows."""
        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            return int(pq.read_metadata(self.source).num_rows)
        return int(self.source.num_rows)

    @property
    def column_names(self) -> list[str]:
        """All columns, those that `build` leaves beside the roles too."""
        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            names: list[str] = pq.read_schema(self.source).names
        else:
            names = self.source.column_names
        return names

    def columns_of(self, outcome: Outcome) -> list[str]:
        """Return the value columns of an outcome, one per period."""
        return [f"{outcome.column}@{p}" for p in self.periods]

    @property
    def award_columns(self) -> list[str]:
        """The columns of amounts awarded, one per period; none where the panel has no award path."""
        return [f"{self.award_path}@{p}" for p in self.periods] if self.award_path else []

    def outcome(self, name: str) -> Outcome:
        """Return an outcome by name."""
        for o in self.outcomes:
            if o.name == name:
                return o
        raise UnknownNameError(f"unknown outcome '{name}'", hint=did_you_mean(name, [o.name for o in self.outcomes]))

    def covariate(self, name: str) -> PanelCovariate:
        """Return a covariate by name.

        Raises
        ------
        UnknownNameError
            No such covariate; an outcome is refused by its role (`E_ROLE`).
        """
        for c in self.covariates:
            if c.name == name:
                return c
        if any(name in (o.name, o.column) or name.startswith(f"{o.column}@") for o in self.outcomes):
            raise UnknownNameError(
                f"'{name}' is an outcome; outcomes must not choose the comparison firms", code="E_ROLE"
            )
        raise UnknownNameError(
            f"unknown covariate '{name}'", hint=did_you_mean(name, [c.name for c in self.covariates])
        )

    def read(self, columns: Sequence[str], categories: Sequence[str] = ()) -> "pa.Table":
        """Read some columns whole; texts named in `categories` come as the dictionaries that a file keeps them in."""
        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.source, read_dictionary=list(categories), page_checksum_verification=True) as file:
                return file.read(list(columns)).select(list(columns))
        return self.source.select(list(columns))

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Stream blocks of 131,072 firms in firm order."""
        import pyarrow as pa

        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            with pq.ParquetFile(self.source, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):  # one at a time: asked for all, Arrow holds the whole file
                    yield from file.iter_batches(store.BLOCK_FIRMS, row_groups=[group], columns=list(columns))
            return
        table = self.source.select(list(columns))
        for start in range(0, table.num_rows, store.BLOCK_FIRMS):
            block = table.slice(start, store.BLOCK_FIRMS).combine_chunks()
            yield (block.to_batches()[0] if block.num_rows else pa.RecordBatch.from_pylist([], schema=table.schema))

    def bounds(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Return the least and the greatest observed value of number columns (2, n_columns), NaN where there is none.

        A panel file has them in its statistics, so no value is read.
        """
        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            file = pq.read_metadata(self.source)
            place = {file.schema.column(i).name: i for i in range(file.num_columns)}
            groups = [file.row_group(i) for i in range(file.num_row_groups)]
            found = [[g.column(place[name]).statistics for g in groups] for name in columns]
            known = [[s for s in column if s is not None and s.has_min_max] for column in found]
            pairs = [(min(s.min for s in k), max(s.max for s in k)) if k else (np.nan, np.nan) for k in known]
        else:
            import pyarrow.compute as pc

            each = [pc.min_max(self.source.column(name)).as_py() for name in columns]
            pairs = [(np.nan, np.nan) if e["min"] is None else (e["min"], e["max"]) for e in each]
        return np.array(pairs, dtype=np.float64).reshape(-1, 2).T

    def n_missing(self, columns: Sequence[str]) -> int:
        """Return how many values of some columns are not observed; a panel file has that in its statistics."""
        if isinstance(self.source, Path):
            import pyarrow.parquet as pq

            file = pq.read_metadata(self.source)
            place = {file.schema.column(i).name: i for i in range(file.num_columns)}
            found = [file.row_group(i).column(place[c]).statistics for i in range(file.num_row_groups) for c in columns]
            return sum(f.null_count for f in found)
        return sum(self.source.column(c).null_count for c in columns)

    @cached_property
    def cohort(self) -> NDArray[np.int32]:
        """Cohort of each firm (n_firms,), 0 for never treated."""
        column = self.read([COHORT]).column(0)
        values: NDArray[np.int32] = column.fill_null(0).to_numpy().astype(np.int32, copy=False)
        return values

    @cached_property
    def firm(self) -> "pa.ChunkedArray":
        """Firm ids (n_firms,), sorted."""
        return self.read([FIRM]).column(0)

    def to_frame(self) -> "pd.DataFrame":
        """Return the panel as a DataFrame, one row per firm."""
        frame: pd.DataFrame = self.read(self._names()).to_pandas()
        return frame

    def _names(self) -> list[str]:
        values = dict.fromkeys(name for o in self.outcomes for name in self.columns_of(o))
        beside = [name for name in (self.dose, self.pool) if name]
        beside += [f"{name}@{p}" for name in self.time_varying for p in self.periods]
        return [FIRM, COHORT, *(c.name for c in self.covariates), *values, *beside, *self.award_columns]

    def _repr_html_(self) -> str:
        treated = int((self.cohort > 0).sum())
        span = f"{self.periods[0]} to {self.periods[-1]}"
        return f"<p><b>Panel</b>: {self.n_firms:,} firms ({treated:,} treated), periods {span}</p>"

    def save(self, folder: Path) -> None:
        """Write `panel.parquet`, `panel.json` and `flow.json` into one folder."""
        path = folder / "panel.parquet"
        if self.source != path:
            store.write_parquet(path, self.read(self.column_names))
        self.flow.save(folder / "flow.json")
        meta = {
            "periods": self.periods, "anticipation": self.anticipation,
            "outcomes": [o.model_dump(mode="json") for o in self.outcomes],
            "covariates": [dataclasses.asdict(c) for c in self.covariates],
            "clusters": self.clusters, "inference": self.inference.model_dump(mode="json"),
        }  # fmt: skip
        roles = {
            "dose": self.dose, "award_path": self.award_path, "pool": self.pool, "time_varying": self.time_varying
        }  # fmt: skip
        store.write_json(folder / "panel.json", meta | {role: column for role, column in roles.items() if column})

    @classmethod
    def load(cls, folder: Path) -> "Panel":
        """Read a panel written by `save`; rows stay on disk until they are asked for."""
        meta: dict[str, Any] = store.read_json(folder / "panel.json")
        return cls(
            source=folder / "panel.parquet",
            periods=tuple(meta["periods"]),
            outcomes=tuple(Outcome.model_validate(o) for o in meta["outcomes"]),
            covariates=tuple(PanelCovariate(**c) for c in meta["covariates"]),
            anticipation=meta["anticipation"],
            flow=Flow.load(folder / "flow.json"),
            clusters=tuple(meta["clusters"]),
            inference=Inference.model_validate(meta["inference"]),
            dose=meta.get("dose", ""),
            award_path=meta.get("award_path", ""),
            pool=meta.get("pool", ""),
            time_varying=tuple(meta.get("time_varying", ())),
        )

    @classmethod
    def from_frame(  # noqa: PLR0913 - the roles of a table are its signature
        cls,
        frame: Any,  # noqa: ANN401
        *,
        firm: str,
        year: str,
        cohort: str,
        outcomes: Sequence[str] | Mapping[str, str],
        covariates: Sequence[str] = (),
        anticipation: int = 0,
        clusters: Sequence[str] = (),
        pool: str = "",
        dose: str = "",
        award: str = "",
        time_varying: Sequence[str] = (),
    ) -> "Panel":
        """Make a panel from a long table at hand (pandas, Polars or Arrow): one row per firm and year.

        Parameters
        ----------
        frame : table
            Anything with the Arrow stream interface. It is not changed.
        firm, year, cohort : str
            Columns: firm id, integer period, first treated period (null or 0 for never treated; constant per firm).
        outcomes : list of str, or dict of name to transform
            Firm-year columns. A list means effects on the level.
        covariates : list of str
            Columns constant per firm.
        anticipation : int
            Periods before treatment in which firms may already react.
        clusters : list of str
            One or two columns constant per firm; firms that share one are not independent.
        pool : str
            Column constant per firm: which comparison group a never-treated firm belongs to, null for none.
        dose : str
            Column of the amount awarded, constant per firm; only that of treated firms counts.
        award : str
            Firm-year column of the amount awarded in each year; firm-years that the table lacks have none.
        time_varying : list of str
            Firm-year columns of numbers that regressions may hold beside the award.

        Raises
        ------
        DataError
            A firm-year occurs twice (`E_PANEL_DUP`), a firm has two cohorts (`E_COHORT`) or two values of a
            covariate, cluster or dose (`E_COVARIATE`), or a value is infinite or has no logarithm (`E_NONFINITE`).
        """
        transforms = dict(outcomes) if isinstance(outcomes, Mapping) else dict.fromkeys(outcomes, "level")
        declared = tuple(Outcome.model_validate({"name": n, "transform": t}) for n, t in transforms.items())
        beside = [name for name in (pool, dose) if name]
        constant = tuple(dict.fromkeys((*covariates, *clusters, *beside)))
        absent = dict.fromkeys(time_varying, np.nan) | ({award: 0.0} if award else {})
        panel = _pivot(frame, (firm, year, cohort), declared, constant, anticipation, absent)
        roles = tuple(c for c in panel.covariates if c.name in covariates)
        return dataclasses.replace(
            panel, covariates=roles, clusters=tuple(clusters), pool=pool, dose=dose, award_path=award,
            time_varying=tuple(time_varying),
        )  # fmt: skip


def _require_finite(values: NDArray[np.float64], outcomes: Sequence[Outcome]) -> None:
    """Refuse infinite values, and values that have no logarithm where one is asked for."""
    bad = int(np.isinf(values).sum())
    if any(o.transform in ("log", "growth") and o.nonpositive == "refuse" for o in outcomes):
        bad += int((values <= 0).sum())
    if bad:
        raise DataError(
            f"{bad} firm-years are infinite or have no logarithm",
            where=outcomes[0].name,
            code="E_NONFINITE",
            hint='use transform "asinh" or "level", or leave these firm-years out',
        )


def _pivot(
    frame: Any,  # noqa: ANN401
    keys: tuple[str, str, str],
    outcomes: tuple[Outcome, ...],
    covariates: tuple[str, ...],
    anticipation: int,
    beside: Mapping[str, float],
) -> Panel:
    """Scatter a long table into one row per firm; `beside` says what other columns are where there is no row."""
    import pyarrow as pa

    firm, year, cohort = keys
    table = pa.table(frame)
    scattered = {**{o.column: np.nan for o in outcomes}, **beside}
    wanted = [firm, year, cohort, *scattered, *covariates]
    for name in wanted:
        if name not in table.column_names:
            raise DataError("no such column", where=name, code="E_COLUMN", hint=did_you_mean(name, table.column_names))
    ids, code = np.unique(np.asarray(table[firm].cast(pa.string()).to_pylist(), dtype=str), return_inverse=True)
    years = table[year].to_numpy().astype(np.int64)
    periods = tuple(int(p) for p in range(years.min(), years.max() + 1))
    cell = code * len(periods) + (years - periods[0])
    if len(np.unique(cell)) < len(cell):
        raise DataError(
            f"{len(cell) - len(np.unique(cell))} firm-years occur more than once",
            where=f"{firm}, {year}",
            code="E_PANEL_DUP",
        )
    first_row = np.full(len(ids), len(code), dtype=np.int64)
    np.minimum.at(first_row, code, np.arange(len(code)))
    given = np.nan_to_num(table[cohort].to_numpy(zero_copy_only=False).astype(float), nan=0.0, posinf=0.0)
    odd = int(((given < 0) | (given % 1 != 0)).sum())
    if odd:
        raise DataError(
            f"{odd} rows have a cohort that is negative or not a whole period", where=cohort, code="E_COHORT",
            hint="null or 0 means never treated",
        )  # fmt: skip
    cohorts = given.astype(np.int32)
    if (cohorts != cohorts[first_row][code]).any():
        raise DataError("some firms have more than one cohort", where=cohort, code="E_COHORT")
    own = cohorts[first_row]
    columns: dict[str, Any] = {
        FIRM: pa.array(ids.tolist(), pa.string()),
        COHORT: pa.array(own, pa.int32(), mask=own == 0),
    }
    roles = []
    for name in covariates:
        values = table[name].combine_chunks().take(pa.array(first_row))
        if not values.take(pa.array(code)).equals(table[name].combine_chunks()):
            raise DataError("the covariate is not constant within firms", where=name, code="E_COVARIATE")
        kind: Kind = "number" if pa.types.is_floating(values.type) or pa.types.is_integer(values.type) else "category"
        columns[name] = values.cast(pa.float64() if kind == "number" else pa.string())
        roles.append(PanelCovariate(name, kind))
    for column, absent in scattered.items():
        wide = np.full(len(ids) * len(periods), absent)
        wide[cell] = table[column].to_numpy(zero_copy_only=False).astype(float)
        _require_finite(wide, [o for o in outcomes if o.column == column])
        for j, p in enumerate(periods):
            values = wide.reshape(len(ids), -1)[:, j]
            columns[f"{column}@{p}"] = pa.array(values, pa.float64(), mask=np.isnan(values))
    step = FlowStep(
        "pivot", "firm-years", len(code), len(ids), collapsed=len(code) - len(ids), reason="one row per firm"
    )
    return Panel(pa.table(columns), periods, outcomes, tuple(roles), anticipation, Flow((step,)))
