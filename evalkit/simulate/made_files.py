"""Files in a study's own columns and units, of firms that are made up."""

import csv
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model import store
from evalkit.model.panel import COHORT, FIRM, Panel
from evalkit.model.source_shape import ColumnShape, SourceShape, StudyShape
from evalkit.model.study import Outcome, Study
from evalkit.simulate import corporate_numbers
from evalkit.simulate.stand_ins import Paths, StandIns, Supposed
from evalkit.stats.noise import uniform
from evalkit.stats.stable_hash import hash_codes, stable_hash

if TYPE_CHECKING:
    import pyarrow as pa

Texts = list[str]
YEN = {"yen": 1.0, "thousand_yen": 1e3, "million_yen": 1e6}
FIRST_LEVEL = 1e8
"""Level in the first period of an outcome of which only growth is supposed: yen of it are fine enough."""
DECIMALS = 6
"""Of numbers that are not whole."""
SPREAD = 1 << 33
"""Keys of columns lie beyond those of outcomes."""
DATES = {"ymd": "{0:04d}-{1:02d}-{2:02d}", "dmy": "{2:02d}/{1:02d}/{0:04d}", "mdy": "{1:02d}/{2:02d}/{0:04d}"}


class MadeFirms:
    """Made-up firms, as many of each cohort as the shape says.

    Parameters
    ----------
    study : Study
        The question.
    shape : StudyShape
        What may be told of its files.
    laws : dict of outcome name to Supposed
        How outcomes vary.
    """

    def __init__(self, study: Study, shape: StudyShape, laws: Mapping[str, Supposed]) -> None:
        import pyarrow as pa

        self.study, self.shape = study, shape
        numbers = sorted(corporate_numbers(sum(shape.cohorts.values())))
        self.firm = pa.array(numbers, pa.string())
        self.key = stable_hash(pa.chunked_array([self.firm]), study.seed).view(np.int64)
        self.cohort = np.zeros(len(numbers), np.int64)
        self.cohort[np.argsort(self.key, kind="stable")] = np.repeat([*shape.cohorts], [*shape.cohorts.values()])
        self.laws = {o.name: laws[o.name] for o in told_outcomes(study)}

    def draw(self, salt: str, key: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return a random number for each firm, or for each key (n,), of a purpose of its own."""
        keys = self.key if key is None else key
        found: NDArray[np.float64] = uniform(hash_codes(keys, SPREAD + zlib.crc32(salt.encode())), 1)[:, 0]
        return found

    def values(self, arm: int, paths: Paths) -> dict[str, NDArray[np.float64]]:
        """Return made-up levels (n, T) by column of the firm-years, as files will have them but in yen if money."""
        import pyarrow as pa

        outcomes = told_outcomes(self.study)
        column_of = {c.name: c for source in self.shape.sources if source.role == "firm_years" for c in source.columns}
        firms = pa.table({FIRM: self.firm, COHORT: pa.array(self.cohort, pa.int32(), mask=self.cohort == 0)})
        made = StandIns(Panel(firms, self.study.period.labels, outcomes), self.laws, self.study.seed).made(
            arm, 0, paths
        )
        found = {}
        for o in outcomes:
            columns = made.read([f"{o.name}@{period}" for period in made.periods]).columns
            level = np.stack([c.to_numpy().astype(np.float64) for c in columns], axis=1)
            level = np.clip(level, 0.0, 1.0) if o.transform == "share" else level
            level = level * (FIRST_LEVEL if o.transform == "growth" else 1.0)
            column = column_of[o.column]
            has_log = any(one.column == o.column and one.transform == "log" for one in self.study.outcome)
            found[o.column] = in_file(level, column, least=float(has_log)) * YEN.get(column.unit, 1.0)
        return found

    def write(self, folder: Path, arm: int, paths: Paths) -> None:
        """Write the files of all sources below a folder, where the study has them."""
        values = self.values(arm, paths)
        for source in self.shape.sources:
            if source.role == "awards":
                columns = dict(self._awards(source))
            elif source.role == "firms":
                columns = dict(self._firms(source, np.arange(len(self.firm))))
            else:
                columns = dict(self._firm_years(source, values))
            _write(folder / source.path, source, columns)

    def _awards(self, source: SourceShape) -> Iterator[tuple[str, Texts]]:
        """Yield the columns of one award for each supported firm, and of those of other programmes."""
        own = np.flatnonzero(self.cohort)
        asked = self.study.treatment.programme
        mine = [asked[i] for i in np.arange(len(own)) % len(asked)] if asked else [""] * len(own)
        firm, year, programme = [own], [self.cohort[own]], [*mine]
        first, last = self.study.period.first, self.study.period.last
        column = next((c for c in source.columns if c.name == "programme"), None)
        for other, n in (column.counts if column and asked else {}).items():
            chosen = np.sort(np.argsort(self.draw(f"programme/{other}"), kind="stable")[:n])
            firm.append(chosen)
            year.append(first + (self.draw(f"year/{other}")[chosen] * (last - first + 1)).astype(np.int64))
            programme += [other] * len(chosen)
        firms, years = np.concatenate(firm), np.concatenate(year)
        key = hash_codes(self.key[firms], 1).view(np.int64) + np.arange(len(firms))
        ids = [f"A{i:07d}" for i in range(len(firms))]
        given = {
            "award_id": ids, "programme": programme, "fiscal_year": [*map(str, years.tolist())],
            "stage": [self.study.treatment.stage] * len(firms) if self.study.treatment.stage else None,
            "award_date": self._days(years, key, source.date_order),
        }  # fmt: skip
        for c in source.columns:
            known = given.get(c.name)
            yield c.header, self._column(source, c, firms, key) if known is None else known

    def _days(self, years: NDArray[np.int64], key: NDArray[np.int64], order: str) -> Texts:
        """Return a day in each fiscal year (n,)."""
        start = self.study.period.fiscal_year_start
        first = np.array([f"{year:04d}-{start}" for year in years.tolist()], "datetime64[D]")
        days = first + (self.draw("award_date", key) * 365).astype(np.int64)
        return [DATES[order].format(d.year, d.month, d.day) for d in days.tolist()]

    def _firms(self, source: SourceShape, firms: NDArray[np.intp]) -> Iterator[tuple[str, Texts]]:
        for c in source.columns:
            yield c.header, self._column(source, c, firms, self.key)

    def _firm_years(self, source: SourceShape, values: dict[str, NDArray[np.float64]]) -> Iterator[tuple[str, Texts]]:
        """Yield the columns of the firm-years in which any outcome is known."""
        firms, at = np.nonzero(np.any([~np.isnan(v) for v in values.values()], axis=0))
        years = np.array(self.study.period.labels)[at]
        key = hash_codes(self.key[firms], 1).view(np.int64) + years
        for c in source.columns:
            if c.name == "fiscal_year":
                yield c.header, [*map(str, years.tolist())]
            elif c.name in values:
                yield c.header, texts(values[c.name][firms, at] / YEN.get(c.unit, 1.0))
            else:
                yield c.header, self._column(source, c, firms, self.key[firms] if c.kind == "category" else key)

    def _column(
        self, source: SourceShape, column: ColumnShape, firms: NDArray[np.intp], key: NDArray[np.int64]
    ) -> Texts:  # fmt: skip
        """Return one column of some rows, of which the firms (n,) and a key (n,) are known."""
        if column.kind == "firm_id":
            return [*ids(self.firm, source.scheme).take(firms).to_pylist()]
        if column.name == "firm_name":
            return [f"架空企業{i:07d}" for i in firms.tolist()]
        draws = self.draw(f"{source.role}/{column.header}", key)
        if column.counts:
            ends = np.cumsum([*column.counts.values()])
            shared = np.array([*column.counts], object)
            return [*shared[np.searchsorted(ends, draws * ends[-1], side="right")].tolist()]
        if column.grid:
            return texts(in_file(between(draws, column), column))
        return [""] * len(firms)


def told_outcomes(study: Study) -> tuple[Outcome, ...]:
    """Return the outcomes whose law files can follow: of several of one column the primary one, else the first."""
    found: dict[str, Outcome] = {}
    for o in sorted(study.outcome, key=lambda one: one is not study.primary):
        found.setdefault(o.column, o)
    return tuple(o for o in study.outcome if found[o.column] is o)


def ids(numbers: "pa.Array", scheme: str) -> "pa.Array":
    """Return firm ids (n,) in a scheme, from corporate numbers."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise("T", numbers, "") if scheme == "invoice_number" else numbers


def between(draws: NDArray[np.float64], column: ColumnShape) -> NDArray[np.float64]:
    """Return numbers (n,) between quantiles that are next to each other: the lowest and two digits of what is more."""
    grid = np.array(column.grid)
    more = np.interp(draws * (len(grid) - 1), np.arange(len(grid)), grid) - grid[0]
    unit = 10.0 ** (np.floor(np.log10(np.maximum(more, 1e-300))) - 1)
    found = grid[0] + np.rint(more / unit) * unit
    return np.asarray(np.rint(found) if column.is_whole else found, np.float64)


def in_file(values: NDArray[np.float64], column: ColumnShape, least: float = 0.0) -> NDArray[np.float64]:
    """Return numbers in the unit of a column, as exact as the file has them, NaN as it is.

    Money, and what the file stores as whole numbers, is rounded, to no less than `least` where that is not 0; all else
    to `DECIMALS`.
    """
    scaled = values / YEN.get(column.unit, 1.0)
    if column.unit in YEN or column.stored.startswith(("int", "uint")):
        return np.asarray(np.maximum(np.rint(scaled), least) if least else np.rint(scaled), np.float64)
    return np.asarray(np.round(scaled, DECIMALS), np.float64)


def texts(numbers: NDArray[np.float64]) -> Texts:
    """Return numbers (n,) as texts, "" for NaN."""
    known = np.where(np.isnan(numbers), 0.0, numbers)
    if (known == np.rint(known)).all():
        found = [*map(str, known.astype(np.int64).tolist())]
    else:
        found = [f"{value:.{DECIMALS}f}" for value in known.tolist()]
    return ["" if is_absent else text for text, is_absent in zip(found, np.isnan(numbers).tolist(), strict=True)]


def _write(path: Path, source: SourceShape, columns: Mapping[str, Texts]) -> None:
    if source.encoding:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
        store.write_bytes(path, text.getvalue().encode(source.encoding))
        return
    store.write_parquet(path, _typed({c.header: c.stored for c in source.columns}, columns))


def _typed(stored: Mapping[str, str], columns: Mapping[str, Texts]) -> "pa.Table":
    """Return texts in the types of a Parquet file; what has a type of its own there than text or number is text."""
    import pyarrow as pa

    found: dict[str, Any] = {}
    for header, texts in columns.items():
        kind = stored[header]
        is_plain = kind.startswith(("int", "uint", "float", "double", "date32", "bool"))
        whole = pa.array([t or None for t in texts] if is_plain else texts, pa.string())
        type_ = pa.date32() if kind.startswith("date32") else pa.type_for_alias(kind) if is_plain else pa.string()
        found[header] = whole.cast(type_)
    return pa.table(found)
