"""Link rate of awards by programme and fiscal year: how many rows of awards have a firm in the firm data."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.awards.first_awards import LINKED_ENOUGH, LINKED_WELL
from evalkit.etl.awards.programmes import programme_name
from evalkit.etl.conform import ROW, Typed, conform
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import fiscal_years
from evalkit.etl.layouts import Field
from evalkit.etl.quarantine import NOT_COUNTED
from evalkit.etl.source import read_source
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

DESCRIBING = ("award_date", "fiscal_year", "programme")


def link_rates(study: Study, root: Path, quarantine: Path) -> list[dict[str, Any]]:
    """Count the rows of awards in the study's programmes, and those with a firm, by programme and fiscal year.

    Parameters
    ----------
    study : Study
        The question.
    root : Path
        Folder that the paths of the sources are relative to.
    quarantine : Path
        Folder with the rows that the build of the same study set aside.

    Returns
    -------
    list of dict
        `programme`, `fiscal_year`, `n_rows`, `n_linked`, `percent_linked`, `verdict`; sorted. Rows set aside for
        another reason than their link are not counted.
    """
    import pyarrow.parquet as pq

    source = read_source("awards", study.sources.awards, root, study.period.fiscal_year_start)
    known = {f.name: f for f in source.layout.fields}
    fields = [Field(name, known[name].type) for name in DESCRIBING if name in known and source.has(name)]
    typed = conform(source, fields)
    rules = _rules(typed, pq.read_table(quarantine / "awards.parquet", columns=["file", "line", "rule"]))
    total, linked = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    wanted = {clean(name) for name in study.treatment.programme}
    timeless = {"".join(name.split()) for name in wanted}
    keys = zip(_programmes(typed), _years(typed, study.period.fiscal_year_start), rules, strict=True)
    for programme, year, rule in keys:
        is_asked = not wanted or programme in wanted or programme_name(programme) in timeless
        if is_asked and year is not None and (not rule or rule in NOT_COUNTED):
            total[programme, year] += 1
            linked[programme, year] += not rule
    return [_row(key, total[key], linked[key]) for key in sorted(total)]


def _row(key: tuple[str, int], n_rows: int, n_linked: int) -> dict[str, Any]:
    rate = n_linked / n_rows
    verdict = "ok" if rate >= LINKED_WELL else "warn" if rate >= LINKED_ENOUGH else "red"
    return {
        "programme": key[0], "fiscal_year": key[1], "n_rows": n_rows, "n_linked": n_linked,
        "percent_linked": 100 * rate, "verdict": verdict,
    }  # fmt: skip


def _programmes(typed: Typed) -> list[str]:
    rows = typed.rows
    return (
        [t or "" for t in rows.column("programme").to_pylist()]
        if "programme" in rows.column_names
        else [""] * len(rows)
    )


def _years(typed: Typed, start: str) -> list[int | None]:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows, years = typed.rows, pa.nulls(len(typed.rows), pa.int32())
    if "award_date" in rows.column_names:
        years = fiscal_years(rows.column("award_date").combine_chunks(), start)
    if "fiscal_year" in rows.column_names:
        years = pc.coalesce(years, rows.column("fiscal_year").combine_chunks())
    found: list[int | None] = years.to_pylist()
    return found


def _rules(typed: Typed, set_aside: "pa.Table") -> list[str]:
    """Return for each row the rule that set it aside, "" for none."""
    columns = (set_aside.column(name).to_pylist() for name in ("file", "line", "rule"))
    rule_at = {(file, line): rule for file, line, rule in zip(*columns, strict=True)}
    rows: NDArray[np.int64] = typed.rows.column(ROW).to_numpy()
    files, lines = typed.source.places(rows)
    return [rule_at.get(place, "") for place in zip(files, lines.tolist(), strict=True)]
