"""Data quality of a panel in numbers: what is missing, jumps, leaves or was merged, and where that is too much.

Nothing here names a firm, yet counts can be small: the report stays with the panel, in the restricted area.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.needs import EXIT_CAUSE, EXIT_OUTCOMES, EXIT_PERIOD
from evalkit.etl.panel.unit_jumps import UNIT_FACTORS, decades, is_jump
from evalkit.model.panel import Panel

ARMS = ("treated", "control")
LINKS = ("links", "legal_forms", "link_sample", "identities")
VERDICTS = ("ok", "warn", "red")
GAP_WARN, GAP_RED = 5.0, 20.0
"""Percentage points by which the arms may differ in what is missing or leaves (What Works Clearinghouse, cautious)."""
JUMP_WARN, JUMP_RED = 0.5, 5.0
"""Percent of neighbouring years with a jump by one factor."""
OF_LINKS = [
    "n_rows", "n_linked", "n_ambiguous", "n_unlinked", "n_no_corpno", "percent_linked", "percent_covered", "verdict",
]  # fmt: skip
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Row = dict[str, Any]
Arms = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def quality(
    panel: Panel, threshold: int = 10, links: Mapping[str, Sequence[Row]] = MappingProxyType({})
) -> dict[str, Any]:
    """Describe the quality of a panel.

    Parameters
    ----------
    panel : Panel
        One row per firm.
    threshold : int
        Fewest values of which mean and quantiles are told.
    links : dict of list of dict
        Lists on the links of awards, which a panel does not know.

    Returns
    -------
    dict
        `verdict` ("ok", "warn", "red": the worst of all rows), `firms` by arm, and lists of rows: `flow` (counts at
        each step), `duplicates` (rows merged or contradicting each other), what `links` holds of `links` (rates by
        programme and year), `legal_forms`, `link_sample` and `identities`, `missing` (percent by arm for each
        covariate, and each outcome and period), `values` (distribution of each outcome by period), `jumps`
        (neighbouring years that differ by about x10, x1,000 or x1,000,000, by arm), `gaps` (firms not seen in a period
        though seen before and after it), `exits` (percent by arm of the firms seen in the period before or later that
        are not seen from this one on) and, where the study declares exits, `closures` (percent by arm of the firms in
        business before that end in a period, by cause).
        A firm is treated when its award lies in the panel's periods or before.
    """
    is_treated = (panel.cohort > 0) & (panel.cohort <= panel.periods[-1])
    arms = (is_treated, ~is_treated)
    outcomes, is_seen = _of_outcomes(panel, arms, threshold)
    lists: dict[str, list[Row]] = {
        **{name: list(links.get(name, ())) for name in LINKS},
        "missing": [*_covariates(panel, arms), *outcomes.pop("missing")],
        **outcomes,
    }
    lists["gaps"] = _gaps(panel, arms, is_seen)
    lists["exits"] = _exits(panel, arms, is_seen)
    lists["closures"] = list(_closures(panel, arms))
    worst = max(
        (VERDICTS.index(row["verdict"]) for rows in lists.values() for row in rows if "verdict" in row), default=0
    )
    return {
        "verdict": VERDICTS[worst], "threshold": threshold,
        "firms": {arm: int(of.sum()) for arm, of in zip(ARMS, arms, strict=True)},
        "flow": [step.to_dict() for step in panel.flow.steps], "duplicates": _duplicates(panel), **lists,
    }  # fmt: skip


def _duplicates(panel: Panel) -> list[Row]:
    """Return the steps that look for duplicates: rows merged because equal, and set aside because contradicting."""
    return [
        {"step": s.step, "in": s.n_in, "equal": s.collapsed, "contradicting": s.quarantined}
        for s in panel.flow.steps
        if s.step.startswith("distinct ")
    ]


def _covariates(panel: Panel, arms: Arms) -> Iterator[Row]:
    for covariate in panel.covariates:
        is_missing = panel.read([covariate.name]).column(0).is_null().to_numpy()
        yield {"column": covariate.name, "period": None, **_by_arm(is_missing, arms, "missing")}


def _of_outcomes(panel: Panel, arms: Arms, threshold: int) -> tuple[dict[str, list[Row]], NDArray[np.bool_]]:
    """Pass once over the values of all outcomes; also return the firm-years (n_periods, n_firms) that are seen."""
    rows: dict[str, list[Row]] = {"missing": [], "values": [], "jumps": []}
    is_seen = np.zeros((len(panel.periods), panel.n_firms), bool)
    derived = EXIT_OUTCOMES if EXIT_PERIOD in panel.column_names else ()
    for column in dict.fromkeys(o.column for o in panel.outcomes):
        before = None
        for place, period in enumerate(panel.periods):
            values = _numbers(panel, f"{column}@{period}")
            is_missing = np.isnan(values)
            if column not in derived:
                is_seen[place] |= ~is_missing
            key = {"column": column, "period": period}
            rows["missing"].append({**key, **_by_arm(is_missing, arms, "missing")})
            rows["values"].append({**key, **_distribution(values[~is_missing], threshold)})
            if before is not None:
                rows["jumps"] += [{**key, **row} for row in _jumps(before, values, arms)]
            before = values
    return rows, is_seen


def _numbers(panel: Panel, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = panel.read([name]).column(0).to_numpy()
    return values


def _by_arm(is_it: NDArray[np.bool_], arms: Arms, word: str) -> Row:
    """Count in each arm, and judge the difference of the shares."""
    counts, sizes = [int((is_it & of).sum()) for of in arms], [int(of.sum()) for of in arms]
    return _compared(counts, sizes, word)


def _compared(counts: list[int], sizes: list[int], word: str) -> Row:
    row: Row = {f"n_{word}_{arm}": n for arm, n in zip(ARMS, counts, strict=True)}
    shares = [100 * n / size if size else None for n, size in zip(counts, sizes, strict=True)]
    row |= {f"percent_{word}_{arm}": share for arm, share in zip(ARMS, shares, strict=True)}
    gap = shares[0] - shares[1] if shares[0] is not None and shares[1] is not None else None
    return {**row, "gap_points": gap, "verdict": _verdict(abs(gap or 0.0), GAP_WARN, GAP_RED)}


def _distribution(values: NDArray[np.float64], threshold: int) -> Row:
    row: Row = {"n": len(values), "n_zero": int(np.count_nonzero(values == 0)), "mean": None}
    names = [f"p{round(100 * q):02d}" for q in QUANTILES]
    if len(values) < threshold:
        return {**row, **dict.fromkeys(names)}
    found = np.quantile(values, QUANTILES)
    return {**row, "mean": float(values.mean()), **dict(zip(names, found.tolist(), strict=True))}


def _jumps(before: NDArray[np.float64], after: NDArray[np.float64], arms: Arms) -> Iterator[Row]:
    """Count the firms whose value is about 10, 1,000 or 1,000,000 times the year before's, or that part of it."""
    change = np.abs(decades(before, after))
    is_pair = ~np.isnan(change)
    sizes = [int((is_pair & of).sum()) for of in arms]
    for factor in UNIT_FACTORS:
        jumps = is_jump(change, factor)
        counts = [int((jumps & of).sum()) for of in arms]
        share = 100 * sum(counts) / sum(sizes) if sum(sizes) else 0.0
        row = {f"n_{arm}": n for arm, n in zip(ARMS, counts, strict=True)}
        if sum(counts):
            yield {"factor": factor, **row, "percent": share, "verdict": _verdict(share, JUMP_WARN, JUMP_RED)}


def _gaps(panel: Panel, arms: Arms, is_seen: NDArray[np.bool_]) -> list[Row]:
    """Compare by arm who is not seen in a period, though before and after it; periods without gaps are left out."""
    is_before = np.maximum.accumulate(is_seen, axis=0)
    is_after = np.maximum.accumulate(is_seen[::-1], axis=0)[::-1]
    is_gap = ~is_seen & is_before & is_after
    return [
        {"period": period, **_by_arm(gap, arms, "gap")}
        for period, gap in zip(panel.periods, is_gap, strict=True)
        if gap.any()
    ]


def _closures(panel: Panel, arms: Arms) -> Iterator[Row]:
    """Compare by arm, period and cause which firms end, among those in business in the period before."""
    if EXIT_PERIOD not in panel.column_names:
        return
    ends, causes = panel.read([EXIT_PERIOD, EXIT_CAUSE]).columns
    end, cause = ends.fill_null(panel.periods[-1] + 1).to_numpy(), causes.combine_chunks().dictionary_encode()
    code, names = cause.indices.fill_null(-1).to_numpy(), cause.dictionary.to_pylist()
    for period in panel.periods[1:]:
        sizes = [int((of & (end >= period)).sum()) for of in arms]
        for place in sorted(np.unique(code[end == period]).tolist(), key=lambda i: names[i]):
            counts = [int((of & (end == period) & (code == place)).sum()) for of in arms]
            yield {"period": period, "cause": names[place], **_compared(counts, sizes, "closed")}


def _exits(panel: Panel, arms: Arms, is_seen: NDArray[np.bool_]) -> list[Row]:
    """Compare by arm who is not seen from a period on, among those seen in the period before or later."""
    last_seen = np.where(is_seen.any(axis=0), len(is_seen) - 1 - np.argmax(is_seen[::-1], axis=0), -1)
    counts = [np.bincount(last_seen[of & (last_seen >= 0)], minlength=len(panel.periods)) for of in arms]
    staying = [np.cumsum(count[::-1])[::-1] for count in counts]
    return [
        {
            "period": period,
            **_compared([int(c[place]) for c in counts], [int(s[place]) for s in staying], "exit"),
        }
        for place, period in enumerate(panel.periods[1:])
    ]


def _verdict(value: float, warn: float, red: float) -> str:
    return VERDICTS[int(value > warn) + int(value > red)]


def lines(found: dict[str, Any]) -> list[str]:
    """Lay out a report as plain text."""
    firms = found["firms"]
    result = [
        f"data quality: {found['verdict']}", f"firms: {firms['treated']} treated, {firms['control']} control", "",
        *_table(["step", "unit", "in", "kept", "quarantined", "collapsed", "reason"], found["flow"]),
    ]  # fmt: skip
    for name, columns in (
        ("duplicates", ["step", "in", "equal", "contradicting"]),
        ("links", ["programme", "fiscal_year", *OF_LINKS]),
        ("legal_forms", ["legal_form", *OF_LINKS]),
        ("link_sample", ["n_labelled", "n_in_register", "n_linked", "n_right", "percent_precision", "percent_recall"]),
        ("identities", ["code", "n_rows", "n_found", "first", "verdict"]),
        ("missing", ["column", "period", *(f"percent_missing_{a}" for a in ARMS), "gap_points", "verdict"]),
        ("values", ["column", "period", "n", "mean", "p05", "p50", "p95"]),
        ("jumps", ["column", "period", "factor", *(f"n_{a}" for a in ARMS), "percent", "verdict"]),
        ("gaps", ["period", *(f"percent_gap_{a}" for a in ARMS), "gap_points", "verdict"]),
        ("exits", ["period", *(f"percent_exit_{a}" for a in ARMS), "gap_points", "verdict"]),
        ("closures", ["period", "cause", *(f"percent_closed_{a}" for a in ARMS), "gap_points", "verdict"]),
    ):
        result += ["", name, *_table(columns, found[name])] if found[name] else []
    return result


def _table(columns: list[str], rows: list[Row]) -> list[str]:
    cells = [columns, *([_cell(row[c]) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return ["  ".join(f"{t:<{w}}" for t, w in zip(line, widths, strict=True)).rstrip() for line in cells]


def _cell(value: Any) -> str:  # noqa: ANN401
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
