"""Amounts that are known only as a range: no amount, unless the study takes the middle."""

import re
from typing import TYPE_CHECKING

import numpy as np

from evalkit.etl.conform import Typed
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.numbers import parse_number, real
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import pyarrow as pa

ENDS = ("amount_min", "amount_max")
TEXT = "amount_range"
RANGE = re.compile(r"[^\d]*([\d,]+)\s*(?:-|–|~|to)[^\d]*([\d,]+)[^\d]*", re.ASCII)


def middle(text: str) -> float | None:
    """Return the middle of a range with two ends, None for any other text.

    Examples
    --------
    >>> middle("£500,001 - £1,000,000"), middle("more than 5,000,000")
    (750000.5, None)
    """
    match = RANGE.fullmatch(clean(text))
    if match is None:
        return None
    low, high = (parse_number(part)[0] for part in match.groups())
    return (low + high) / 2 if low is not None and high is not None and low <= high else None


def with_midpoints(awards: Typed, rule: str, flow: Flow) -> tuple[Typed, Flow]:
    """Give awards without an amount the middle of their range, where the study says so.

    Parameters
    ----------
    awards : Typed
        Awards with `amount`, and `amount_min` and `amount_max` or the text `amount_range`.
    rule : {"unknown", "midpoint"}
        "unknown" changes nothing: an award with a range has no amount.
    flow : Flow
        Gets one step, which counts the amounts.
    """
    rows = awards.rows
    if rule == "unknown" or "amount" not in rows.column_names:
        return awards, flow
    amounts, middles = rows.column("amount").to_numpy(), _middles(rows)
    is_range = np.isnan(amounts) & ~np.isnan(middles)
    filled = real(np.where(is_range, middles, amounts))
    awards = awards.with_rows(rows.set_column(rows.column_names.index("amount"), "amount", filled))
    reason = f"middle of a range taken as the amount: {int(is_range.sum())}"
    return awards, flow.add(FlowStep("amount ranges", "awards", len(rows), len(rows), reason=reason))


def _middles(rows: "pa.Table") -> "np.typing.NDArray[np.float64]":
    if set(ENDS) <= set(rows.column_names):
        low, high = (rows.column(name).to_numpy() for name in ENDS)
        return np.where(low <= high, (low + high) / 2, np.nan)
    texts = rows.column(TEXT).to_pylist() if TEXT in rows.column_names else [""] * len(rows)
    return np.array([np.nan if (m := middle(t or "")) is None else m for t in texts], np.float64)
