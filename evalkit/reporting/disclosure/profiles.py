"""Profiles of disclosure control: thresholds as data."""

import dataclasses
from typing import Literal

from evalkit.model.study import THRESHOLDS, Disclosure

Rounding = Literal["none", "nearest", "midpoint"]


@dataclasses.dataclass(frozen=True)
class Profile:
    """Thresholds of all rules.

    Parameters
    ----------
    name : str
        What the study file calls it.
    threshold : int
        Fewest distinct firms behind a number.
    dominance_n, dominance_k : int, float
        A total is hidden when its `dominance_n` largest contributions make up at least `dominance_k` of it.
    p : float
        A total is hidden when what is left without the two largest contributions is less than `p` times the largest.
    q : float
        What the second largest contributor already knows of the others, as a share; 1 is the p % rule itself.
    least_dof : int
        Fewest residual degrees of freedom, counted in firms.
    influence_one, influence_two : float
        Largest share of an effect that one firm, and two firms, may contribute.
    margin : float
        How far off, as a share of its value, an outsider must think that a hidden count may be, up and down.
    rounding : {"none", "nearest", "midpoint"}
        How counts are rounded.
    round_base : int
        To multiples of what.
    """

    name: str
    threshold: int
    dominance_n: int = 2
    dominance_k: float = 0.85
    p: float = 0.10
    q: float = 1.0
    least_dof: int = 10
    influence_one: float = 0.5
    influence_two: float = 0.85
    margin: float = 0.10
    rounding: Rounding = "none"
    round_base: int = 5


CHANGES: dict[str, dict[str, float | str]] = {"acro": {"dominance_k": 0.90}, "opensafely": {"rounding": "nearest"}}
"""Where a profile differs from the defaults."""
PROFILES = {
    name: Profile(name, threshold, **CHANGES.get(name, {}))  # type: ignore[arg-type]
    for name, threshold in THRESHOLDS.items()
}
"""All profiles by name."""


def profile_of(asked: Disclosure) -> Profile:
    """Return the profile of a study, with the study's own threshold where it has one."""
    return dataclasses.replace(PROFILES[asked.profile], threshold=asked.threshold)
