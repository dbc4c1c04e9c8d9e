"""Whether the planned effects of a new edition moved so far that a person has to look before it is published."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from evalkit.plan.comparison import ESTIMATE, effect_changes

LARGEST_MOVE = 3
"""Standard errors of the last edition. An effect moves within it when only some firms are added or corrected."""
WATCHED = ("overall", "group")
"""The averages that are compared: what a report concludes from, as a whole and of each group of firms."""
Numbers = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Movement:
    """One planned effect that moved too far.

    Parameters
    ----------
    id : str
        "<estimate>.overall.<outcome>" or "<estimate>.group.<outcome>.<group>".
    rule : {"sign", "moved", "unknown"}
        It changed its sign, and both intervals are away from zero; it moved by more than `LARGEST_MOVE` standard errors
        of the last edition; or how far it moved cannot be told, because it is gone or had no standard error.
    standard_errors : float or None
        By how many standard errors it moved; None when that is not known.
    """

    id: str
    rule: Literal["sign", "moved", "unknown"]
    standard_errors: float | None = None


def planned_changes(before: Numbers, after: Numbers) -> list[dict[str, Any]]:
    """Return the changes of planned effects, as `comparison.effect_changes` has them.

    Planned is the overall effect on every outcome of the study by every estimate of it, and that on each of its
    groups of firms.

    Parameters
    ----------
    before, after : list of dict
        `results.json` of the last edition and of the new one.
    """
    return [row for row in effect_changes(before, after) if row["id"].split(".")[1] in WATCHED]


def movements(before: Numbers, after: Numbers) -> list[Movement]:
    """Return the planned effects that moved too far.

    An effect that is new, or that disclosure control hides in either edition, is not compared.

    Parameters
    ----------
    before, after : list of dict
        As in `planned_changes`.
    """
    old, new = ({number["id"]: number["value"] for number in side} for side in (before, after))
    found = []
    for row in planned_changes(before, after):
        rule = _rule(row, old, new)
        if rule is not None:
            found.append(Movement(row["id"], rule, row["standard_errors"]))
    return found


def _rule(
    row: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Literal["sign", "moved", "unknown"] | None:
    name = f"effects.{row['id']}"
    is_hidden = row["after"] is None and f"{name}{ESTIMATE}" in new
    if row["before"] is None or is_hidden or not row["changed"]:
        return None
    if _sign(old, name) * _sign(new, name) < 0:
        return "sign"
    if row["standard_errors"] is None:
        return "unknown"
    return "moved" if abs(row["standard_errors"]) > LARGEST_MOVE else None


def _sign(values: Mapping[str, Any], name: str) -> int:
    """Return the sign of an interval that is away from zero, else 0."""
    low, high = (values.get(f"{name}.conf_{end}") for end in ("low", "high"))
    if low is None or high is None:
        return 0
    return int(low > 0) - int(high < 0)
