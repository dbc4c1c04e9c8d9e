"""The one result type of every estimator: a tidy table of effects with their full covariance."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evalkit.model import store
from evalkit.model.study import Outcome

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R")
COLUMNS = (
    "outcome", "estimand", "cohort", "year", "event_time", "group", "estimate", "std_error", "statistic",
    "p_value", "conf_low", "conf_high", "n_treated", "n_control",
)  # fmt: skip
INTEGERS = ("cohort", "year", "event_time", "n_treated", "n_control")
TEXTS = ("outcome", "estimand", "group")


@dataclasses.dataclass(frozen=True)
class CohortShares:
    """What the aggregation needs to count the estimation error of cohort shares.

    Parameters
    ----------
    cohorts : (C,) int
        Treated cohorts; a cohort that is divided into groups occurs once for each.
    mass : (C,) float
        Sum of weights of each cohort's firms.
    square : (C,) float
        Sum of squared weights of each cohort's firms.
    cross : (rows, C) float
        Covariance of each effect with each cohort's mass: sum over the cohort's firms of influence times weight.
    groups : (C,) str or None
        Group of each, as in the table of effects, where cohorts are divided into groups.
    """

    cohorts: NDArray[np.int64]
    mass: NDArray[np.float64]
    square: NDArray[np.float64]
    cross: NDArray[np.float64]
    groups: NDArray[np.str_] | None = None

    def members(self, table: "pd.DataFrame") -> NDArray[np.float64]:
        """Return 1 where the firms of a share (C) are behind a row of a table of effects: (rows, C).

        A row without a cohort has no share; one without a group has those of all groups of its cohort.
        """
        cohort = table["cohort"].fillna(-1).to_numpy(dtype=np.int64)
        inside = cohort[:, None] == self.cohorts[None, :]
        if self.groups is not None:
            group = table["group"].fillna("").to_numpy(dtype=str)
            inside &= (group[:, None] == self.groups[None, :]) | (group[:, None] == "")
        return np.asarray(inside, np.float64)


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """What groups of independent firms add to the covariance: few firms in a part leave few degrees of freedom.

    Parameters
    ----------
    vcov : (G, rows, rows) float64
        Covariance that comes from each group; their sum is that of the effects.
    n : (G, rows) int64
        Firms of the group behind each effect, 0 for none.
    """

    vcov: NDArray[np.float64]
    n: NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Draws:
    """Bootstrap draws of the deviation of estimates from their truth.

    Parameters
    ----------
    effects : (B, rows) float64
        Of each effect.
    shares : (B, C) float64
        Of the mass of each cohort of `CohortShares`; no columns without them.
    """

    effects: NDArray[np.float64]
    shares: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Effects:
    """Effects of one estimator on all outcomes.

    Parameters
    ----------
    table : DataFrame
        Columns `COLUMNS`, one row per effect. `cohort`, `year`, `event_time`, `group` are null where they do not apply.
        `n_treated`, `n_control` count distinct firms. Effects are on the scale of the outcome's transform.
    vcov : (rows, rows) float64
        Covariance of the estimates; NaN rows for effects without a standard error.
    method, options : str, dict
        The estimator.
    outcomes : tuple of Outcome
        With transform and unit.
    baseline : dict of outcome name to float
        Mean of the treated firms' values (in the data's unit) in the period before treatment; NaN when unknown.
    dof : float or (rows,) float64
        Degrees of freedom of the t distribution, infinite for the normal; one for all rows, or one for each.
    level : float
        Confidence level of `conf_low` and `conf_high`.
    shares : CohortShares or None
        For aggregation; None when the rows are not cohort effects.
    parts : Parts or None
        For the degrees of freedom of averages; None when those of the rows are all there is.
    draws : Draws or None
        For simultaneous bands; None without a bootstrap.
    notes : tuple of str
        Caveats by key, worded by the report: "always_treated_dropped:3", ...
    columns : dict of outcome name to int
        Columns, beside firm effects, of the regression that all effects of an outcome are coefficients of; no entry
        where each is estimated by itself.
    groups_apart : bool
        Whether groups share no firm in either arm, so that firms behind several of them add up. Else they share their
        comparison firms, as amounts of one programme do.
    """

    table: "pd.DataFrame"
    vcov: NDArray[np.float64]
    method: str
    options: dict[str, Any]
    outcomes: tuple[Outcome, ...]
    baseline: dict[str, float]
    dof: "float | NDArray[np.float64]" = np.inf
    level: float = 0.95
    shares: CohortShares | None = None
    parts: Parts | None = None
    draws: Draws | None = None
    notes: tuple[str, ...] = ()
    columns: dict[str, int] = dataclasses.field(default_factory=dict)
    groups_apart: bool = False

    @property
    def row_dof(self) -> NDArray[np.float64]:
        """Degrees of freedom of each row (rows,)."""
        return np.broadcast_to(np.asarray(self.dof, np.float64), (len(self.table),)).copy()

    def of(self, outcome: str) -> "Effects":
        """Return the rows of one outcome, with their covariance."""
        return self.take(np.flatnonzero((self.table["outcome"] == outcome).to_numpy()))

    def take(self, rows: NDArray[np.intp]) -> "Effects":
        """Return some rows, with their covariance."""
        table = self.table.iloc[rows].reset_index(drop=True)
        shares = self.shares
        if shares is not None:
            shares = dataclasses.replace(shares, cross=shares.cross[rows])
        parts, draws = self.parts, self.draws
        if parts is not None:
            parts = Parts(parts.vcov[:, rows[:, None], rows], parts.n[:, rows])
        if draws is not None:
            draws = dataclasses.replace(draws, effects=draws.effects[:, rows])
        dof = self.row_dof[rows] if isinstance(self.dof, np.ndarray) else self.dof
        return dataclasses.replace(
            self, table=table, vcov=self.vcov[np.ix_(rows, rows)], shares=shares, dof=dof, parts=parts, draws=draws
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return a copy of the table."""
        return self.table.copy()

    def _repr_html_(self) -> str:
        from html import escape

        shown = self.table.dropna(axis=1, how="all")
        rows = shown.to_html(index=False, escape=True, float_format="{:.4f}".format)
        return f"<p><b>Effects</b> ({escape(self.method)})</p>{rows}"

    def save(self, folder: Path) -> None:
        """Write `effects.parquet`, `settings.json` and the arrays into one folder."""
        import pyarrow as pa

        store.write_parquet(folder / "effects.parquet", pa.Table.from_pandas(self.table, preserve_index=False))
        arrays = {"vcov": self.vcov} | _arrays(self.shares, "")
        arrays |= _arrays(self.parts, "parts_") | _arrays(self.draws, "draws_")
        for name, array in arrays.items():
            with store.replacing(folder / f"{name}.npy") as draft, draft.open("wb") as file:
                np.save(file, array, allow_pickle=False)
        meta = {
            "method": self.method, "options": self.options, "baseline": self.baseline, "level": self.level,
            "dof": _stored(self.dof), "notes": self.notes, "shares": self.shares is not None,
            "parts": self.parts is not None, "draws": self.draws is not None, "columns": self.columns,
            "groups_apart": self.groups_apart,
            "outcomes": [o.model_dump(mode="json") for o in self.outcomes],
        }  # fmt: skip
        store.write_json(folder / "settings.json", meta)

    @classmethod
    def load(cls, folder: Path) -> "Effects":
        """Read effects written by `save`."""
        import pyarrow.parquet as pq

        meta = store.read_json(folder / "settings.json")
        return cls(
            table=conform(pq.read_table(folder / "effects.parquet", page_checksum_verification=True).to_pandas()),
            vcov=np.load(folder / "vcov.npy"),
            method=meta["method"],
            options=meta["options"],
            outcomes=tuple(Outcome.model_validate(o) for o in meta["outcomes"]),
            baseline={k: np.nan if v is None else v for k, v in meta["baseline"].items()},
            dof=_restored(meta["dof"]),
            level=meta["level"],
            shares=_loaded(CohortShares, folder, "") if meta["shares"] else None,
            parts=_loaded(Parts, folder, "parts_") if meta["parts"] else None,
            draws=_loaded(Draws, folder, "draws_") if meta["draws"] else None,
            notes=tuple(meta["notes"]),
            columns=meta["columns"],
            groups_apart=meta["groups_apart"],
        )


def _arrays(record: "CohortShares | Parts | Draws | None", prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a record by the names of their files."""
    if record is None:
        return {}
    arrays = {f"{prefix}{f.name}": getattr(record, f.name) for f in dataclasses.fields(record)}
    return {name: array for name, array in arrays.items() if array is not None}


def _loaded(kind: type[R], folder: Path, prefix: str) -> R:
    places = {f.name: folder / f"{prefix}{f.name}.npy" for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: np.load(place) for name, place in places.items() if place.exists()})


def _stored(dof: "float | NDArray[np.float64]") -> "float | list[float | None] | None":
    """Return degrees of freedom as JSON has them, infinite ones as null."""
    if isinstance(dof, np.ndarray):
        return [None if np.isinf(d) else float(d) for d in dof]
    return None if np.isinf(dof) else float(dof)


def _restored(stored: "float | list[float | None] | None") -> "float | NDArray[np.float64]":
    if isinstance(stored, list):
        return np.array([np.inf if d is None else d for d in stored])
    return np.inf if stored is None else stored


def conform(table: "pd.DataFrame | Mapping[str, Any]") -> "pd.DataFrame":
    """Return a table with the columns of `Effects` in order, each with its type; columns that are absent are null."""
    import pandas as pd

    n = len(next(iter(table.values()))) if isinstance(table, Mapping) else len(table)
    return pd.DataFrame({name: _typed(table[name] if name in table else [None] * n, name) for name in COLUMNS})


def _typed(values: Any, name: str) -> Any:  # noqa: ANN401 - what pandas takes and gives
    import pandas as pd

    if name in INTEGERS or name in TEXTS:
        plain: Any = values.array if isinstance(values, pd.Series) else values
        return pd.array(plain, dtype="Int64" if name in INTEGERS else "string")
    return pd.Series(values, dtype="float64").to_numpy()
