"""Awards of several firms: whole yen for each, which add up to the award exactly."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.conform import Typed
from evalkit.model.flow import Flow, FlowStep


def split(amount: int, shares: Sequence[float]) -> list[int]:
    """Split an amount by shares into whole numbers that add up to it.

    The units that rounding down leaves go to the largest remainders, first ones first.

    Examples
    --------
    >>> split(100, [1, 1, 1]), split(-7, [1, 3])
    ([34, 33, 33], [-2, -5])
    """
    weights = [Fraction(str(share)) for share in shares]
    exact = [abs(amount) * weight / sum(weights) for weight in weights]
    parts = [int(part) for part in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in order[: abs(amount) - sum(parts)]:
        parts[i] += 1
    return [part if amount >= 0 else -part for part in parts]


def share_out(awards: Typed, rule: str, flow: Flow) -> tuple[Typed, Flow]:
    """Give each firm of a shared award its part of the amount.

    Parameters
    ----------
    awards : Typed
        One row per award and firm; each row of a shared award has the whole amount.
    rule : {"refuse", "equal", "share"}
        How amounts are shared; "refuse" changes nothing, as shared awards were set aside before.
    flow : Flow
        Gets one step where an award is shared.

    Returns
    -------
    awards : Typed
        Awards whose rows disagree on the amount, or have no share, are set aside (`E_SHARE`).
    flow : Flow
    """
    if rule == "refuse" or not {"award_id", "amount"} <= set(awards.rows.column_names):
        return awards, flow
    listed = awards.rows.select(["award_id", "firm_id", "amount"]).to_pylist()
    shares = awards.rows.column("share").to_pylist() if rule == "share" else [1.0] * len(listed)
    groups = defaultdict[str, list[int]](list)
    for i in sorted(range(len(listed)), key=lambda i: str(listed[i]["firm_id"])):
        if listed[i]["award_id"]:
            groups[listed[i]["award_id"]].append(i)
    amounts, is_bad = [row["amount"] for row in listed], np.zeros(len(listed), bool)
    shared = [members for members in groups.values() if len(members) > 1]
    for members in shared:
        parts = _parts({amounts[i] for i in members}, [shares[i] for i in members])
        is_bad[members] = parts is None
        for i, part in zip(members, parts or [], strict=False):
            amounts[i] = part
    return _with_amounts(awards, amounts, is_bad, flow, len(shared))


def _parts(wholes: set[float | None], shares: list[float | None]) -> list[float | None] | None:
    """Return the parts of an award, None where its rows do not say how to share it in whole units."""
    if len(wholes) > 1 or any(s is None or s < 0 for s in shares) or not sum(s or 0 for s in shares):
        return None
    whole = wholes.pop()
    if whole is None:
        return [None] * len(shares)
    return [float(part) for part in split(int(whole), [s or 0 for s in shares])] if whole == int(whole) else None


def _with_amounts(
    awards: Typed, amounts: list[float | None], is_bad: NDArray[np.bool_], flow: Flow, n_shared: int
) -> tuple[Typed, Flow]:
    import pyarrow as pa

    if not n_shared:
        return awards, flow
    rows = awards.rows
    rows = rows.set_column(rows.column_names.index("amount"), "amount", pa.array(amounts, pa.float64()))
    kept = awards.with_rows(rows).reject(is_bad, awards.source.header("amount"), "E_SHARE")
    n_bad = int(is_bad.sum())
    reason = f"{n_shared} awards of several firms" + (f"; E_SHARE: {n_bad}" if n_bad else "")
    return kept, flow.add(FlowStep("shares", "awards", len(rows), len(rows) - n_bad, quarantined=n_bad, reason=reason))
