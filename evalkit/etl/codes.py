"""Codes against the list that a study declares for a column: former codes translated, unknown ones counted by year."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, StudyError, raise_all
from evalkit.etl.conform import Typed
from evalkit.etl.reading.lists import read_list
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.study import Source, Study

if TYPE_CHECKING:
    import pyarrow as pa

CODE, FORMER = "code", "former_code"
UNKNOWN = "E_CODE_UNKNOWN"


@dataclasses.dataclass(frozen=True, eq=False)
class CodeList:
    """The codes of a classification, and the one code that each former code became."""

    codes: "pa.Array"
    former: "pa.Array"
    became: "pa.Array"


def with_codes(study: Study, typed: dict[str, Typed], root: Path) -> tuple[dict[str, Typed], Flow]:
    """Compare columns with the code lists declared for them.

    Parameters
    ----------
    study : Study
        Its sources may have `codes` and `concordance` for some columns.
    typed : dict of str to Typed
        The sources by role.
    root : Path
        Folder that the paths of the lists are relative to.

    Returns
    -------
    typed : dict of str to Typed
        Former codes that became one code are that code; all others stay.
    flow : Flow
        One step for each such column, with the number of unknown codes, by fiscal year where rows have one.

    Raises
    ------
    DataError
        Firms would be compared by a column with unknown codes, and there is no concordance (`E_CODE_UNKNOWN`); a list
        cannot be read.
    StudyError
        The study reads no such column (`E_SPEC_VALUE`).
    """
    compared = {c.column for c in study.baseline} | set(study.clusters)
    errors, flow, result = list[DataError | StudyError](), Flow(), dict(typed)
    for role, source in typed.items():
        declared = source.source.declared
        for column in declared.codes:
            name = f"category:{column}"
            if name not in source.rows.column_names:
                problem = f"codes are declared for '{column}', which the study does not use"
                errors.append(StudyError(problem, where=f"sources.{role}.codes", code="E_SPEC_VALUE"))
                continue
            translated, step, n_unknown = _compared(result[role], column, code_list(declared, column, root, role))
            result[role], flow = translated, flow.add(step)
            if n_unknown and column in compared and column not in declared.concordance:
                errors.append(_refused(source, column, n_unknown))
    raise_all(errors, "the codes of the sources")
    return result, flow


def code_list(declared: Source, column: str, root: Path, role: str) -> CodeList:
    """Read the code list of a column, and its concordance where one is declared.

    A former code that became several codes cannot be translated by itself and is left out.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    codes = read_list(declared.codes[column], root, f"sources.{role}.codes", (CODE,))[CODE].combine_chunks()
    if column not in declared.concordance:
        return CodeList(codes.drop_null(), pa.array([], pa.string()), pa.array([], pa.string()))
    where = f"sources.{role}.concordance"
    pairs = read_list(declared.concordance[column], root, where, (FORMER, CODE)).group_by([FORMER, CODE]).aggregate([])
    counts = pairs.group_by(FORMER).aggregate([([], "count_all")])
    single = counts.filter(pc.equal(counts["count_all"], 1))[FORMER].combine_chunks()
    pairs = pairs.filter(pc.is_in(pairs[FORMER], single)).combine_chunks().drop_null()
    return CodeList(codes.drop_null(), *(pairs[name].combine_chunks() for name in (FORMER, CODE)))


def _compared(source: Typed, column: str, known: CodeList) -> tuple[Typed, FlowStep, int]:
    """Translate a column and count its unknown codes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows, place = source.rows, source.rows.column_names.index(f"category:{column}")
    values = rows.column(place).combine_chunks()
    is_code = pc.is_in(values, known.codes)
    place_of = pc.index_in(pc.if_else(is_code, pa.scalar(None, pa.string()), values), known.former, skip_nulls=True)
    found = pc.if_else(pc.is_valid(place_of), known.became.take(place_of), values)
    is_unknown = pc.and_(pc.is_valid(found), pc.invert(pc.is_in(found, known.codes)))
    n_unknown, n_former = pc.sum(is_unknown).as_py() or 0, len(values) - place_of.null_count
    notes = [f"{UNKNOWN}: {n_unknown}" if n_unknown else "", f"former codes: {n_former}" if n_former else ""]
    if n_unknown and "fiscal_year" in rows.column_names:
        years = rows.column("fiscal_year").combine_chunks().filter(is_unknown).value_counts().to_pylist()
        notes.append(", ".join(f"{y}: {n}" for y, n in sorted((e["values"], e["counts"]) for e in years)))
    reason = "; ".join(note for note in notes if note)
    step = FlowStep(f"codes: {column}", "rows", len(rows), len(rows), reason=reason)
    return source.with_rows(rows.set_column(place, rows.field(place), found)), step, n_unknown


def _refused(source: Typed, column: str, n_unknown: int) -> DataError:
    role = source.source.role
    return DataError(
        f"{n_unknown} codes are not in the list of this column, by which firms would be compared",
        where=f"sources.{role}, column '{source.source.header(column)}'",
        code=UNKNOWN,
        hint=f"name a concordance from the former codes: sources.{role}.concordance = {{ {column} = ... }}",
    )
