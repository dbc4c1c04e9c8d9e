"""Minimum counts: of distinct firms, never of rows."""

import math
from collections.abc import Iterable
from typing import Any


def known(value: Any) -> bool:  # noqa: ANN401
    """Say whether a value is neither missing nor infinite."""
    if value is None or isinstance(value, str):
        return value is not None
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def too_few(n: Any, threshold: int) -> bool:  # noqa: ANN401 - a count, or what stands where it is not known
    """Say whether a count is above zero and below the threshold, or not known."""
    return not known(n) or 0 < n < threshold


def too_few_firms(firms: Iterable[Any], threshold: int) -> bool:
    """Say whether the distinct firms behind rows are too few: three firms in five years are three, not fifteen."""
    return too_few(len(set(firms)), threshold)


def too_few_compared(n_treated: Any, n_control: Any, threshold: int) -> bool:  # noqa: ANN401 - as in `too_few`
    """Say whether an effect (of a cohort, an event time, a subgroup) has few firms in either arm; none is few."""
    return any(not known(n) or n < threshold for n in (n_treated, n_control))


def is_empty_or_full(n: int, n_all: int) -> bool:
    """Say whether none or all of a group have a trait: then the trait of each firm of the group is told."""
    return n_all > 0 and n in (0, n_all)
