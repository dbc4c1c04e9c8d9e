"""Link rates of awards: how many rows of awards have a firm in the firm data, and why the others have none."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.awards.first_awards import LINKED_ENOUGH, LINKED_WELL
from evalkit.etl.awards.link_awards import NAME
from evalkit.etl.awards.programmes import programme_name
from evalkit.etl.conform import ROW, Typed, conform
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import fiscal_years
from evalkit.etl.grammar.names import name_columns
from evalkit.etl.layouts import Field
from evalkit.etl.source import read_source
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

DESCRIBING = ("award_date", "fiscal_year", "programme", NAME)
STATUS = {"": "linked", "E_LINK_AMBIGUOUS": "ambiguous", "E_UNLINKED": "unlinked", "E_NO_FIRM_ID": "no_corpno"}
"""What a row of awards is by the rule that set it aside; rows set aside by other rules are not counted."""
Row = dict[str, Any]


def link_rates(study: Study, root: Path, quarantine: Path) -> dict[str, list[Row]]:
    """Count the rows of awards in the study's programmes by what became of their link.

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
    dict of list of dict
        `links` by `programme` and `fiscal_year`, and `legal_forms` by `legal_form` ("" for none; empty where awards
        have no names), sorted. Each row has `n_rows`, `n_linked`, `n_ambiguous`, `n_unlinked`, `n_no_corpno` (no
        number, as sole proprietors have none, and not linked by name), `percent_linked` (of rows with a number or a
        name to link by; None where there are none), `percent_covered` (of all rows) and `verdict`.
    """
    import pyarrow.parquet as pq

    source = read_source("awards", study.sources.awards, root, study.period.fiscal_year_start)
    known = {f.name: f for f in source.layout.fields}
    fields = [Field(name, known[name].type) for name in DESCRIBING if name in known and source.has(name)]
    typed = conform(source, fields)
    rules = _rules(typed, pq.read_table(quarantine / "awards.parquet", columns=["file", "line", "rule"]))
    programmes, years = _programmes(typed), _years(typed, study.period.fiscal_year_start)
    wanted = {clean(name) for name in study.treatment.programme}
    timeless = {"".join(name.split()) for name in wanted}
    is_counted = [
        (not wanted or programme in wanted or programme_name(programme) in timeless) and year is not None
        and rule in STATUS
        for programme, year, rule in zip(programmes, years, rules, strict=True)
    ]  # fmt: skip
    status = [STATUS.get(rule, "") for rule in rules]
    by_year = _counted(zip(is_counted, zip(programmes, years, strict=True), status, strict=True))
    by_form = _counted(zip(is_counted, _legal_forms(typed), status, strict=True))
    return {
        "links": [{"programme": p, "fiscal_year": y} | row for (p, y), row in by_year],
        "legal_forms": [{"legal_form": form} | row for form, row in by_form],
    }


def _counted(rows: Iterable[tuple[bool, Hashable, str]]) -> Iterator[tuple[Any, Row]]:
    """Yield the counts of each group of the rows that count, in the order of the groups; None is no group."""
    groups: dict[Any, Counter[str]] = defaultdict(Counter)
    for is_counted, group, status in rows:
        if is_counted and group is not None:
            groups[group][status] += 1
    for group in sorted(groups):
        yield group, _row(groups[group])


def _row(counts: Mapping[str, int]) -> Row:
    n_rows = sum(counts.values())
    n_looked_for = n_rows - counts["no_corpno"]
    rate = counts["linked"] / n_looked_for if n_looked_for else 1.0
    verdict = "ok" if rate >= LINKED_WELL else "warn" if rate >= LINKED_ENOUGH else "red"
    return {
        "n_rows": n_rows, **{f"n_{status}": counts[status] for status in STATUS.values()},
        "percent_linked": 100 * rate if n_looked_for else None, "percent_covered": 100 * counts["linked"] / n_rows,
        "verdict": verdict,
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


def _legal_forms(typed: Typed) -> list[str | None]:
    """Return the legal form in each row's name, "" where it has none, and None where there are no names."""
    if NAME not in typed.rows.column_names:
        return [None] * len(typed.rows)
    return [form or "" for form in name_columns(typed.rows.column(NAME))[1].to_pylist()]


def _rules(typed: Typed, set_aside: "pa.Table") -> list[str]:
    """Return for each row the rule that set it aside, "" for none."""
    columns = (set_aside.column(name).to_pylist() for name in ("file", "line", "rule"))
    rule_at = {(file, line): rule for file, line, rule in zip(*columns, strict=True)}
    rows: NDArray[np.int64] = typed.rows.column(ROW).to_numpy()
    files, lines = typed.source.places(rows)
    return [rule_at.get(place, "") for place in zip(files, lines.tolist(), strict=True)]
