"""The shape of a study's files, told so that it may be shown to anybody: no firm, no small group, no joint table."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EvalkitError, StudyError, raise_all
from evalkit.etl.awards.programmes import programme_name
from evalkit.etl.build import typed_sources
from evalkit.etl.conform import Typed
from evalkit.etl.paths import input_files
from evalkit.etl.reading.encoding import codec
from evalkit.etl.vintages import sources_of
from evalkit.model.panel import FIRM, Panel
from evalkit.model.source_shape import ColumnShape, SourceShape, StudyShape
from evalkit.model.study import Source, Study

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 10
"""Fewer firms than this are not told of, whatever less the study's own threshold asks for."""
STEP = 5
"""Numbers of firms are multiples of this."""
MOST_QUANTILES = 19
LAYOUTS = {"awards": "generic-awards", "firms": "generic-firms", "firm_years": "generic-firm-years"}
SCHEMES = ("corporate_number", "invoice_number", "corporate_or_invoice", "other")
NOT_MADE = ("archive", "table", "sheet", "fiscal_year_from", "combine", "codes", "concordance", "zero")
"""What a source may declare that made-up files do not have."""
UNTOLD = ("award_id", "parent_award_id", "firm_name", "city", "address", "share")
"""Columns of the generic layouts that tell of one firm or one award; no value of them is looked at."""


def require_makeable(study: Study, root: Path) -> None:
    """Refuse studies whose files have more than generic layouts, made-up firm ids and made-up values can stand for.

    Raises
    ------
    StudyError, ManyErrors
        `E_OPTION`, all at once, by name.
    DataError
        A file is not there.
    """
    errors = list[EvalkitError]()
    parts = {
        "link.method": study.link.method != "none", "reconcile": study.reconcile, "rule": study.rule,
        "fiscal_periods": study.fiscal_periods, "deflate": study.deflate, "comparison": study.comparison,
        "firms": study.firms != type(study.firms)(), "treatment.consortium": study.treatment.consortium != "refuse",
    }  # fmt: skip
    errors += [_refused(name, "what it reads is not made up") for name, is_declared in parts.items() if is_declared]
    paths = dict[str, str]()
    for role, source in sources_of(study):
        where = f"sources.{role}"
        if source.layout != LAYOUTS.get(role):
            errors.append(_refused(f"{where}.layout", f"'{source.layout}' is not a generic layout"))
            continue
        errors += [_refused(f"{where}.{n}", "made-up files do not have it") for n in NOT_MADE if getattr(source, n)]
        if source.firm_scheme not in SCHEMES:
            errors.append(_refused(f"{where}.firm_scheme", "there are no made-up ids of this scheme"))
        if not source.archive and not source.table:
            path = _first(source, role, root)
            if path.suffix.lower() not in (".csv", ".parquet"):
                errors.append(_refused(f"{where}.path", f"'{path.suffix}' is neither CSV nor Parquet"))
            if path.as_posix() in paths:
                errors.append(_refused(f"{where}.path", f"{paths[path.as_posix()]} has the same file"))
            paths[path.as_posix()] = where
    raise_all(errors, "files to rehearse on")


def _refused(where: str, problem: str) -> StudyError:
    hint = "rehearse without --files, or a copy of the study that does without it"
    return StudyError(f"cannot rehearse on files: {problem}", where=where, code="E_OPTION", hint=hint)


def _first(source: Source, role: str, root: Path) -> Path:
    return input_files(source.path, root, f"sources.{role}.path")[0].relative_to(root.resolve())


def study_shape(study: Study, root: Path, panel: Panel) -> StudyShape:
    """Tell the shape of a study's files.

    Each column is told of on its own, of the firms of the panel: texts that enough of them share, and quantiles of one
    number for each firm with enough firms between any two. How columns go together in a firm is not told.

    Parameters
    ----------
    study : Study
        One that `require_makeable` lets pass.
    root : Path
        Folder that the paths of its sources are relative to.
    panel : Panel
        Its sealed panel; firm-years after the baseline are not read here either.

    Raises
    ------
    StudyError
        `E_OPTION`: the awards have their units row by row.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    least = max(FEWEST, study.disclosure.threshold)
    typed = typed_sources(study, root, is_sealed=True)
    if typed["awards"].source.has("amount_unit"):
        raise _refused("sources.awards.columns.amount_unit", "units differ from row to row")
    shapes = []
    for role, source in sources_of(study):
        own = typed[role]
        is_in = pc.is_in(own.rows.column(FIRM).cast(pa.string()), pa.array(panel.firm))
        shapes.append(_source(study, source, role, own.with_rows(own.rows.filter(is_in)), (root, least)))
    return StudyShape(tuple(shapes), cohort_sizes(panel.cohort, least))


def cohort_sizes(cohort: NDArray[np.integer[Any]], least: int) -> dict[int, int]:
    """Return the rounded number of firms (n_firms,) by cohort; a small cohort is counted with the next one.

    Small ones without a next one are counted with the one before; where all are small they are one of `least` firms.
    """
    never = int((cohort == 0).sum())
    years, counts = np.unique(cohort[cohort > 0], return_counts=True)
    found, carried, last = dict[int, int](), 0, 0
    for year, n in zip(years.tolist(), counts.tolist(), strict=True):
        carried, last = carried + n, year
        if carried >= least:
            found[year], carried = carried, 0
    if carried:
        into = max(found, default=last)
        found[into] = max(found.get(into, 0) + carried, least)
    sizes = {0: max(never, least), **found} if never else found
    return {year: rounded(n) for year, n in sizes.items()}


def rounded(n: int) -> int:
    """Return a number of firms as it is told."""
    return STEP * ((2 * n + STEP) // (2 * STEP))


def _source(study: Study, source: Source, role: str, typed: Typed, how: tuple[Path, int]) -> SourceShape:
    import pyarrow.parquet as pq

    root, least = how
    path, text = _first(source, role, root), typed.source
    is_parquet = path.suffix.lower() == ".parquet"
    stored = {f.name: str(f.type) for f in pq.read_schema(root / path)} if is_parquet else {}
    names = {text.header(name.partition(":")[2] or name): name for name in typed.rows.column_names}
    columns = []
    for header in text.files[0].columns:
        name = names.get(header, "")
        kind, _, plain = name.rpartition(":")
        if not name or name in UNTOLD:
            columns.append(ColumnShape(header, name, stored=stored.get(header, "string")))
            continue
        kind = kind or next(f.type for f in text.layout.fields if f.name == plain)
        shape = ColumnShape(header, plain, kind, text.declared.unit.get(plain, _unit(typed, plain)))
        told = _told(typed.rows.select([FIRM, name]), kind, least)
        if plain == "programme":
            own = {programme_name(p) for p in study.treatment.programme}
            told["counts"] = {t: n for t, n in told["counts"].items() if programme_name(t) not in own}
        columns.append(dataclasses.replace(shape, stored=stored.get(header, "string"), **told))
    encoding = "" if is_parquet else codec((root / path).read_bytes(), path.name)
    return SourceShape(role, path.as_posix(), source.firm_scheme, encoding, source.date_order, tuple(columns))


def _unit(typed: Typed, name: str) -> str:
    return next((f.unit for f in typed.source.layout.fields if f.name == name), "")


def _told(rows: "pa.Table", kind: str, least: int) -> dict[str, Any]:
    """Return what is told of one column, of rows of a firm and a value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    firm, value = rows.columns
    if kind == "category":
        pairs = pa.table({"firm": firm, "text": pc.fill_null(value.cast(pa.string()), "")})
        once = pairs.group_by(["firm", "text"], use_threads=False).aggregate([])
        counts = once.group_by("text", use_threads=False).aggregate([("firm", "count")]).to_pylist()
        kept = sorted((row["text"], row["firm_count"]) for row in counts if row["firm_count"] >= least)
        return {"counts": {text: rounded(n) for text, n in kept}}
    if kind == "number":
        pairs = pa.table({"firm": firm, "number": value.cast(pa.float64())})
        lowest = pairs.group_by("firm", use_threads=False).aggregate([("number", "min")]).column("number_min")
        values = np.sort(lowest.drop_null().to_numpy())
        values = values[np.isfinite(values)]
        return {"grid": quantiles(values, least), "is_whole": bool((values == np.rint(values)).all())}
    return {}


def quantiles(values: NDArray[np.float64], least: int) -> tuple[float, ...]:
    """Return quantiles (k,) of sorted numbers to three digits, with `least` firms below, above and between them."""
    n = min(MOST_QUANTILES, len(values) // least - 1)
    if n < 1:
        return ()
    found: Sequence[float] = np.quantile(values, np.arange(1, n + 1) / (n + 1)).tolist()
    return tuple(float(f"{value:.3g}") for value in found)
