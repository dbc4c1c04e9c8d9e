"""Why values are missing: not available, or known and suppressed; and which signs were read as zero."""

from collections.abc import Iterable

from evalkit.etl.grammar.column import clean
from evalkit.etl.source import SourceText


def missing_by_kind(source: SourceText, names: Iterable[str]) -> dict[str, int]:
    """Count the cells of some columns by what their text means.

    Parameters
    ----------
    source : SourceText
        Declares the texts of each kind.
    names : iterable of str
        Columns as the study calls them.

    Returns
    -------
    dict of str to int
        `not_available` (the empty text too), `suppressed`, `zero`.
    """
    suppressed = {clean(text) for text in source.declared.suppressed}
    absent = {clean(text) for text in (*source.declared.missing, "")} - suppressed
    counts = {"not_available": 0, "suppressed": 0, "zero": 0}
    for name in names:
        zero = clean(source.declared.zero[name]) if name in source.declared.zero else None
        for entry in source.raw(source.header(name)).value_counts().to_pylist():
            text, n_cells = clean(entry["values"]), entry["counts"]
            if zero is not None and text == zero:
                counts["zero"] += n_cells
            elif text in suppressed:
                counts["suppressed"] += n_cells
            elif text in absent:
                counts["not_available"] += n_cells
    return counts


def missing_note(source: SourceText, columns: Iterable[str]) -> str:
    """Return the counts by kind for a flow step, "" where the study and the layout tell no kinds apart.

    `columns` are those of typed rows; only numbers count.
    """
    if not source.declared.suppressed and not source.declared.zero:
        return ""
    numbers = {f.name for f in source.layout.fields if f.type == "number"}
    names = [c.removeprefix("number:") for c in columns if c.startswith("number:") or c in numbers]
    counts = missing_by_kind(source, [n for n in names if source.has(n)])
    return ", ".join(f"{kind.replace('_', ' ')}: {n}" for kind, n in counts.items())
