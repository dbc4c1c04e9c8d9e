"""Shares of categories, of industries for example, as the counts of firms that they tell."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.model.sample import MatchedSample
from evalkit.reporting.disclosure.count_tables import check_cell
from evalkit.reporting.disclosure.counts import is_empty_or_full, known
from evalkit.reporting.disclosure.tables import Sum, Table

Record = Mapping[str, Any]
SHARES = ("mean_treated", "mean_control")


def share_counts(row: Record, sample: MatchedSample) -> dict[str, tuple[int, int]]:
    """Return by column how many firms have what a row's shares are of, and of how many; nothing when it has means."""
    shares = {k: v for k, v in row.items() if k.startswith(SHARES)}
    if known(row.get("variance_ratio_before", 0.0)):
        return {}
    cohort, kept = sample.panel.cohort, sample.weight > 0
    found = {}
    for key, share in shares.items():
        group = cohort > 0 if "treated" in key else cohort == 0
        n = int((group if key.endswith("before") else group & kept).sum())
        found[key] = (round(share * n) if known(share) else 0, n)
    return found


def category_tables(name: str, rows: Sequence[Record], sample: MatchedSample, threshold: int) -> list[Table]:
    """Return the levels of each category of a check's table as cells with a known total, one table for each column."""
    tables = []
    for _, group in itertools.groupby(enumerate(rows), key=lambda one: one[1].get("covariate")):
        own = [(i, share_counts(row, sample)) for i, row in group]
        if len(own) < 2 or not all(told for _, told in own):
            continue
        for key in own[0][1]:
            values = {check_cell(name, i, key): float(told[key][0]) for i, told in own}
            total = check_cell(name, own[0][0], f"{key}.all")
            small = frozenset(cell for cell, n in values.items() if 0 < n < threshold)
            n = sum(values.values())
            told = frozenset([total] if n >= threshold else [])
            tables.append(Table(values | {total: n}, (Sum(total, tuple(values)),), small, known=told))
    return tables


def n_empty_or_full(rows: Sequence[Record], sample: MatchedSample) -> int:
    """Count shares of a check's table that are 0 or 1: they tell something of each firm, so a person looks at them."""
    return sum(is_empty_or_full(n, n_all) for row in rows for n, n_all in share_counts(row, sample).values())
