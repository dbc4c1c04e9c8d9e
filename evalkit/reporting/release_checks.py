"""Disclosure control of checks."""

import dataclasses
from typing import Any

from evalkit.model.check import CheckResult
from evalkit.model.evaluation import Number, Row
from evalkit.model.sample import MatchedSample
from evalkit.reporting.category_tables import share_counts
from evalkit.reporting.concentration import Concentration
from evalkit.reporting.disclosure.count_tables import check_cell
from evalkit.reporting.disclosure.counts import known
from evalkit.reporting.disclosure.flow_table import overall_cell
from evalkit.reporting.disclosure.ledger import Ledger, part_of_id, row_of
from evalkit.reporting.disclosure.order_statistics import is_extreme, quantile_of, too_few_beyond
from evalkit.reporting.rounded_checks import recomputed
from evalkit.reporting.words import HIDDEN

LABELS = ("cohort", "control_cohort", "year", "event_time", "period")
"""Whole numbers that are labels, not results."""
NOT_FIRMS = ("n_covariates", "n_above", "n_tests", "n_rejected", "n_pre")
"""Counts that do not count firms; any other count does, also in a check this module does not know."""
GIVEN = ("alpha", "warn_above", "fail_above", "warn_below", "fail_below")
"""Values that are options of the check, not results."""
PLAIN = (*GIVEN, "dof", "errors_moved")
"""Values written as they are; so are whole numbers that do not count firms."""
GROUPS = ("n_treated", "n_control")
"""Sizes of the groups as a whole, among the values of a check."""
Record = dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class About:
    """What checks are about.

    Parameters
    ----------
    sample : MatchedSample
        The firms compared.
    concentration : Concentration
        What one or two of them make.
    hidden : frozenset of str
        Outcomes of which an overall effect is hidden.
    """

    sample: MatchedSample
    concentration: Concentration
    hidden: frozenset[str] = frozenset()


def release_check(
    ledger: Ledger, name: str, result: CheckResult, about: About
) -> tuple[CheckResult, dict[str, list[Row]]]:
    """Release one check.

    A row with a small count of firms, or with a share that is one, is hidden, and so is one from which it would follow;
    one with a mean that one or two firms make too, and one on an outcome of which the overall effect is hidden. One
    small count among the values, one that an earlier edition showed almost alike, or such an outcome, hides all of
    them but the sizes of the groups and the check's options.

    Parameters
    ----------
    ledger : Ledger
        Gets the numbers.
    name : str
        What the check is called in ids and tables.
    result : CheckResult
        As found.
    about : About
        What it is about.

    Returns
    -------
    result : CheckResult
        Without numbers, and without the sentence when that tells a hidden one.
    tables : dict
        "checks/<name>" and, with one row, "checks/<name>/values".
    """
    prefix = f"checks.{part_of_id(name)}"
    hidden = _hidden_rows(ledger, name, result.rows, about)
    told_rows = [recomputed(row, share_counts(row, about.sample), ledger.profile) for row in result.rows]
    columns = [_telling_a_total(ledger, row, about) for row in told_rows]
    rows = [
        _released(
            ledger, f"{prefix}.rows.{i:03d}", record, _of_row(name, i, record, own), hide=is_hidden, method=result.name
        )
        for i, (record, own, is_hidden) in enumerate(zip(told_rows, columns, hidden, strict=True))
    ]
    values = {**result.values, "statistic": result.values.get("statistic", result.statistic)}
    for record, is_hidden in zip(result.rows, hidden, strict=True):
        if is_hidden and record.get("level") and _names(values, record):
            values["level"] = HIDDEN
    hide = _has_small_count(ledger, values) or values.get("outcome") in about.hidden
    is_exact = ledger.profile.rounding == "none"
    withheld = {abs(row[key]) for row, own in zip(told_rows, columns, strict=True) for key in own if known(row[key])}
    cells = dataclasses.replace(
        _of_values(ledger, name, values, result.rows),
        hidden=frozenset(k for k, v in values.items() if isinstance(v, float) and v and abs(v) in withheld),
    )
    told = _released(ledger, prefix, recomputed(values, {}, ledger.profile), cells, hide=hide, method=result.name)
    tells = hide or not is_exact or values.get("level") == HIDDEN
    said = Number(f"{prefix}.sentence", result.sentence, "text", method=result.name)
    sentence = ledger.put(said, hide=tells or bool(cells.hidden), tells=frozenset().union(*cells.tells.values()))
    tells = sentence is None or ledger.hides(sentence)
    told = row_of(told.labels, {**told.numbers, "sentence": sentence})
    kept = dataclasses.replace(result, sentence="" if tells else result.sentence, values={}, statistic=None, rows=())
    return kept, {f"checks/{name}": rows, f"checks/{name}/values": [told]}


@dataclasses.dataclass(frozen=True)
class _Cells:
    """Cells of a record, those that its numbers tell; what stays where the rest is hidden, and what is hidden alone."""

    own: dict[str, str]
    tells: dict[str, frozenset[str]]
    shown: tuple[str, ...] = GIVEN
    hidden: frozenset[str] = frozenset()


def _of_row(name: str, place: int, row: Record, hidden: frozenset[str]) -> _Cells:
    """Return the cells of a row: what stands beside a count tells it, as a share and its other count do."""
    counts = frozenset(check_cell(name, place, key) for key in _counted(row))
    own = {key: check_cell(name, place, key) for key in row}
    return _Cells(own, {k: counts for k in row if k not in GIVEN}, hidden=hidden)


def _telling_a_total(ledger: Ledger, row: Record, about: About) -> frozenset[str]:
    """Return the shares of a group of firms whose number another table hides, and what is made of them.

    Ten digits of a share tell the number that it is of.
    """
    shares = [key for key, (_, n) in share_counts(row, about.sample).items() if ledger.is_concealed(n)]
    times = {"_before" if key.endswith("_before") else "_after" for key in shares}
    made = (key for key in row if key.endswith(tuple(times)) and not key.startswith("mean_"))
    return frozenset([*shares, *made])


def _of_values(ledger: Ledger, name: str, values: Record, rows: tuple[Record, ...]) -> _Cells:
    """Return the cells of the values: those of the row that they repeat, and the sizes of the groups as a whole.

    A number that stands in a row too tells the counts of that row.
    """
    shown = (*GIVEN, *(k for k in GROUPS if not ledger.small(values.get(k))))
    same = next((i for i, row in enumerate(rows) if _repeats(values, row)), None)
    own = {}
    for key, n in _counted(values).items():
        is_size = same is None and key in GROUPS and known(n)
        own[key] = overall_cell(key, n) if is_size else check_cell(name, "values" if same is None else same, key)
    tells = {}
    for key, value in values.items():
        if key not in shown:
            beside = [i for i, row in enumerate(rows) if isinstance(value, float) and value and value in row.values()]
            tells[key] = frozenset(own.values()).union(
                check_cell(name, i, k) for i in beside for k in _counted(rows[i])
            )
    return _Cells(own, tells, shown)


def _repeats(values: Record, row: Record) -> bool:
    keys = [*_counted(row), *(key for key in LABELS if key in row)]
    return bool(_counted(row)) and all(values.get(key) == row[key] for key in keys)


def _released(ledger: Ledger, prefix: str, record: Record, cells: _Cells, *, hide: bool, method: str) -> Row:
    """Put the numbers of a record into the ledger; tables inside a record are left out.

    The smallest and the largest value of any firm never are shown.
    """
    labels = labels_of(record)
    ids = {
        key: ledger.put(
            Number(f"{prefix}.{key}", value, unit_of(key, value), method=method),
            hide=(hide and key not in cells.shown) or key in cells.hidden or _is_near_extreme(key, record),
            cell=cells.own.get(key, ""), tells=cells.tells.get(key, ()),
        )
        for key, value in record.items()
        if key not in labels and not isinstance(value, dict | list | tuple)
    }  # fmt: skip
    return row_of(labels, ids)


def labels_of(record: Record) -> Record:
    """Return what in a record of a check is no number."""
    return {k: v for k, v in record.items() if k in LABELS or isinstance(v, str | bool)}


def _hidden_rows(ledger: Ledger, name: str, rows: tuple[Record, ...], about: About) -> list[bool]:
    """Say which rows are hidden.

    Where the total of a column of counts would tell a small one, the row with the fewest firms is.
    """
    hidden = []
    for i, row in enumerate(rows):
        told = share_counts(row, about.sample).values()
        few = ledger.small(*(n for n, _ in told)) or (not row.get("level") and ledger.small(*(a - n for n, a in told)))
        is_cell = any(check_cell(name, i, key) in ledger.hiding.rows for key in row)
        is_made_by_few = row.get("covariate") in about.concentration.covariates and not row.get("level")
        is_made_by_few |= row.get("outcome") in about.hidden
        hidden.append(few or is_cell or is_made_by_few or _has_small_count(ledger, row))
    firms = [_firm_counts(row) for row in rows]
    totals = [sum(column) for column in zip(*firms, strict=True)] if len(set(map(len, firms))) == 1 else []
    if totals and not any(hidden) and any(map(ledger.tells, totals)):
        hidden[min(range(len(rows)), key=lambda i: sum(firms[i]))] = True
    return hidden


def _is_near_extreme(key: str, record: Record) -> bool:
    """Say whether a number is a value of a single firm, or a quantile of the record's firms with few beyond it."""
    counts, quantile = _firm_counts(record), quantile_of(key)
    is_close = quantile is not None and bool(counts) and too_few_beyond(min(counts), quantile)
    return is_close or (is_extreme(key) and "smd" not in key)


def _counted(record: Record) -> Record:
    """Return the counts of firms of a record."""
    return {k: v for k, v in record.items() if k.startswith("n_") and k not in NOT_FIRMS}


def _firm_counts(record: Record) -> list[int]:
    return list(_counted(record).values())


def _has_small_count(ledger: Ledger, record: Record) -> bool:
    """Say whether a record counts few firms, or as many as another table hides."""
    counts = _firm_counts(record)
    return ledger.small(*counts) or any(map(ledger.is_concealed, counts))


def _names(values: Record, record: Record) -> bool:
    return all(values.get(key) == record.get(key) for key in ("covariate", "level"))


def unit_of(key: str, value: Any) -> str:  # noqa: ANN401
    """Return the unit of a number of a check, from what it is called."""
    if key.startswith("n_"):
        return "count"
    if "p_value" in key or key.startswith("p_"):
        return "p_value"
    if key.startswith("percent_"):
        return "percent"
    if key in PLAIN or isinstance(value, int):
        return "plain"
    if key == "share" or key.startswith("share_"):
        return "share"
    return "smd" if "smd" in key or key.startswith("variance_ratio") else ""
