"""What the data-quality report tells of links: against a labelled sample, and against names of firms with an id."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError
from evalkit.etl.awards.link_awards import LINKS, NAME, name_columns, named
from evalkit.etl.conform import ROW, Typed, conform
from evalkit.etl.grammar.firm_id import NO_FIRM_ID, firm_ids, parse_other
from evalkit.etl.grammar.firm_schemes import PARSERS
from evalkit.etl.layouts import Field, Role
from evalkit.etl.reading.lists import read_list
from evalkit.etl.source import read_source
from evalkit.model.flow import Flow
from evalkit.model.panel import FIRM
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

AWARD = "award_id"
Row = dict[str, Any]


def against_sample(study: Study, root: Path, quarantine: Path) -> list[Row]:
    """Compare the links that a build made by name with the sample that the study names.

    Parameters
    ----------
    study : Study
        `link.sample` is a CSV file with `award_id` and `firm_id`.
    root : Path
        Folder that the paths of the sources are relative to.
    quarantine : Path
        Folder with the links of the build of the same study.

    Returns
    -------
    list of dict
        One row, none without a sample: `n_labelled`, `n_in_register`, `n_linked`, `n_right`, `percent_precision` and
        `percent_recall`, None where there is nothing to divide by.

    Raises
    ------
    DataError
        The file cannot be read; an award of it is unknown, has a firm id of its own, occurs twice or means several
        firms, or a firm id is wrong (`E_SAMPLE`).
    """
    if not study.link.sample:
        return []
    import pyarrow.parquet as pq

    from evalkit.etl.linking.evaluate import evaluate_links
    from evalkit.etl.linking.link import Links

    if not (quarantine / LINKS).exists():
        problem = "every award has a firm id, so that there are no links to compare with the labelled sample"
        raise DataError(problem, where="link.sample", code="E_SAMPLE", hint="leave out link.sample")
    links = pq.read_table(quarantine / LINKS)
    found = evaluate_links(Links(_one_per_award(links), Flow()), _sample(study, root))
    row: Row = {name: getattr(found, name) for name in ("n_labelled", "n_in_register", "n_linked", "n_right")}
    shares = {"percent_precision": found.precision, "percent_recall": found.recall}
    return [row | {name: None if np.isnan(share) else 100 * share for name, share in shares.items()}]


def _sample(study: Study, root: Path) -> "pa.Table":
    """Read the labelled sample; its firm ids are of the awards' scheme."""
    import pyarrow as pa

    table = read_list(study.link.sample, root, "link.sample", (AWARD, FIRM))
    scheme = study.sources.awards.firm_scheme
    ids = firm_ids(table.column(FIRM), (), scheme, PARSERS.get(scheme, parse_other))
    n_bad = int(np.count_nonzero((ids.rule > 0) & (ids.rule != NO_FIRM_ID)))
    if n_bad:
        problem = f"{n_bad} firm ids of the labelled sample are none of the scheme of the awards"
        raise DataError(problem, where="link.sample", code="E_SAMPLE", hint="mend them, or leave them empty")
    return pa.table({AWARD: table.column(AWARD), FIRM: ids.values.cast(pa.string())})


def _one_per_award(links: "pa.Table") -> "pa.Table":
    """Return one row for each award id, without awards whose rows do not all mean the same."""
    import pyarrow.compute as pc

    columns = [AWARD, FIRM, "status"]
    once = links.filter(pc.is_valid(links[AWARD])).group_by(columns, use_threads=False).aggregate([])
    counts = once.group_by(AWARD, use_threads=False).aggregate([([], "count_all")])
    single = counts.filter(pc.equal(counts["count_all"], 1))[AWARD]
    return once.filter(pc.is_in(once[AWARD], single.combine_chunks()))


def identities(study: Study, root: Path) -> list[Row]:
    """Compare the names of awards and firms with their ids, where the sources have names.

    Parameters
    ----------
    study : Study
        The question.
    root : Path
        Folder that the paths of the sources are relative to.

    Returns
    -------
    list of dict
        `code`, `n_rows` looked at, `n_found`, `first` (file and line of the first five) and `verdict`: awards whose
        name and place are those of another firm than their id's (`E_ID_MISMATCH`), and rows of firms with the name and
        address of another id (`E_FIRM_TWICE`). Nothing is changed because of them.
    """
    firms = _with_names(study, root, "firms")
    if firms is None:
        return []
    import pyarrow.compute as pc

    from evalkit.etl.linking.mismatch import MISMATCH, id_mismatches
    from evalkit.etl.linking.same_firms import same_firms

    register, found = named(firms.rows, "firms").append_column(FIRM, _texts(firms)), list[Row]()
    awards = _with_names(study, root, "awards")
    if awards is not None:
        asked = named(awards.rows, "awards").append_column(FIRM, _texts(awards)).append_column(AWARD, awards.rows[ROW])
        found.append(_found(awards, MISMATCH, id_mismatches(asked, register).column(AWARD).to_numpy()))
    is_twice = pc.is_in(register[FIRM], same_firms(register)[FIRM].combine_chunks())
    return [*found, _found(firms, "E_FIRM_TWICE", firms.rows[ROW].filter(is_twice).to_numpy())]


def _with_names(study: Study, root: Path, role: Role) -> Typed | None:
    """Read firm ids, names and places of one source; None where it has no ids or no names."""
    declared = study.sources.awards if role == "awards" else study.sources.firms
    if declared is None:
        return None
    source = read_source(role, declared, root, study.period.fiscal_year_start)
    names = name_columns(source, role)
    if NAME not in names or not source.has(FIRM):
        return None
    typed = conform(source, [Field(FIRM, "firm_id"), *(Field(name, "category") for name in names)])
    return typed.with_rows(typed.rows.filter(typed.rows[FIRM].is_valid())) if role == "firms" else typed


def _texts(typed: Typed) -> "pa.ChunkedArray":
    import pyarrow as pa

    return typed.rows.column(FIRM).cast(pa.string())


def _found(typed: Typed, code: str, rows: NDArray[np.int64]) -> Row:
    """Describe the rows found, without their values."""
    return {
        "code": code, "n_rows": len(typed.rows), "n_found": len(rows),
        "first": typed.source.first_lines(rows) if len(rows) else "", "verdict": "warn" if len(rows) else "ok",
    }  # fmt: skip
