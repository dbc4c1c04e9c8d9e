"""Which firms have no outcome after the award, group by group, and what that may do to the effect."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.lee_bounds import Arm, lee_bounds
from evalkit.stats.observed import Observed


@dataclasses.dataclass(frozen=True, eq=False)
class Attrition:
    """Missing outcomes at one event time, cohorts in proportion to their firms seen in the base period.

    Parameters
    ----------
    event_time : int
        Periods since the award.
    mass : float
        Weight of the treated firms seen in the base period.
    n_seen : (2,) int64
        Treated and control firms seen in the base period; controls of the cohort with most of them.
    n_missing : (2,) int64
        Those of them that have no outcome now, likewise.
    missing : (2,) float64
        Weighted shares without an outcome, of treated and of control firms.
    bounds : (2,) float64
        Lee's bounds on the effect on the change since the base period, for firms that stay either way.
    influence : (n, 3) float64
        Of each firm on the difference of the shares, and on both bounds.
    """

    event_time: int
    mass: float
    n_seen: NDArray[np.int64]
    n_missing: NDArray[np.int64]
    missing: NDArray[np.float64]
    bounds: NDArray[np.float64]
    influence: NDArray[np.float64]


def attrition_at(firms: Observed, event_time: int) -> Attrition | None:
    """Compare treated and never-treated firms seen in the base period at one event time.

    Returns
    -------
    Attrition or None
        None when no cohort has outcomes in both groups then.
    """
    parts = [_cohort(firms, g, event_time) for g in firms.cohorts if g + event_time <= firms.periods[-1]]
    found = [part for part in parts if part is not None]
    if not found:
        return None
    share = _shares(found)
    missing, bounds = (share @ np.array(part) for part in ([p.missing for p in found], [p.bounds for p in found]))
    influence = np.zeros_like(found[0].influence)
    for s, part in zip(share, found, strict=True):
        influence += s * part.influence
    seen, gone = _firms([p.n_seen for p in found]), _firms([p.n_missing for p in found])
    return Attrition(event_time, sum(p.mass for p in found), seen, gone, missing, bounds, influence)


def _firms(counts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Count treated firms of all cohorts, and control firms, which cohorts share, once."""
    table = np.array(counts)
    return np.array([table[:, 0].sum(), table[:, 1].max()])


@dataclasses.dataclass
class Overall:
    """Mean over event times as the overall effect has it, each with its firms.

    Parameters
    ----------
    total : (3,) float64
        Difference of the shares without an outcome, and both bounds, times mass.
    total_influence : (n, 3) float64
        Of each firm on these.
    mass : float
        Sum of the masses.
    """

    total: NDArray[np.float64]
    total_influence: NDArray[np.float64]
    mass: float = 0.0

    @classmethod
    def none(cls, n_firms: int) -> "Overall":
        """Return the mean over no event time."""
        return cls(np.zeros(3), np.zeros((n_firms, 3)))

    def add(self, part: Attrition) -> None:
        """Take one event time in."""
        self.total += part.mass * np.array([part.missing[0] - part.missing[1], *part.bounds])
        self.total_influence += part.mass * part.influence
        self.mass += part.mass


def _shares(found: Sequence[Attrition]) -> NDArray[np.float64]:
    mass = np.array([part.mass for part in found])
    return np.asarray(mass / mass.sum(), np.float64)


def _cohort(firms: Observed, cohort: int, event_time: int) -> Attrition | None:
    base = firms.at(cohort - 1 - firms.anticipation)
    change = firms.at(cohort + event_time) - base
    is_in = (firms.weight > 0) & np.isfinite(base)
    rows = [np.flatnonzero(is_in & (firms.cohort == label)) for label in (cohort, 0)]
    if not all(np.isfinite(change[own]).any() for own in rows):
        return None
    arms = [Arm(change[own], firms.weight[own]) for own in rows]
    bounds = lee_bounds(*arms)
    influence = np.zeros((len(base), 3))
    sides = (bounds.influence_treated, bounds.influence_control)
    for own, arm, side, sign in zip(rows, arms, sides, (1.0, -1.0), strict=True):
        influence[own, 0] = -sign * arm.rate_influence
        influence[own, 1:] = side
    n_seen, n_missing = np.array([[len(arm.value), int((~arm.is_seen).sum())] for arm in arms]).T
    missing, ends = np.array([1 - arm.rate for arm in arms]), np.array([bounds.low, bounds.high])
    return Attrition(event_time, float(arms[0].weight.sum()), n_seen, n_missing, missing, ends, influence)
