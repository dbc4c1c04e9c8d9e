"""Confidence sets for effects when differential trends are bounded, not zero.

Event-study coefficients are an effect plus a differential trend: beta = (0, tau) + delta. Either trends after the award
are at most a multiple of the largest one before it (relative magnitudes), or their slope changes by at most a constant
from one period to the next (smoothness).
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.conditional_test import ConditionalTest
from evalkit.stats.fixed_length import shortest_interval

N_SCAN, N_REFINE = 41, 17
"""Points of a scan, and of each refinement of an end."""
FIRST_REACH = 8.0
"""Standard errors that the first scan goes beyond the effects that agree with the estimates as they are."""
PRECISION = 1e-4
"""Ends are found to this share of a standard error."""
FURTHEST = 2.0**12
"""A scan is widened up to this many standard errors; beyond it an end counts as infinite."""
EMPTY, UNBOUNDED = 2, 3
"""What the solver of linear programmes calls them."""


@dataclasses.dataclass(frozen=True, eq=False)
class EventPath:
    """Effects by event time and what is asked of them; the reference period lies between the two parts.

    Parameters
    ----------
    pre, post : (P,), (Q,) float64
        Estimates before and after the reference period, in order of time, without gaps.
    vcov : (P + Q, P + Q) float64
        Their covariance.
    target : (Q,) float64
        Weights l of the effect asked for, l'tau.
    """

    pre: NDArray[np.float64]
    post: NDArray[np.float64]
    vcov: NDArray[np.float64]
    target: NDArray[np.float64]

    @property
    def beta(self) -> NDArray[np.float64]:
        """All estimates (P + Q,)."""
        return np.concatenate([self.pre, self.post])

    @property
    def estimate(self) -> float:
        """The effect asked for when trends are parallel."""
        return float(self.target @ self.post)

    @property
    def std_error(self) -> float:
        """Its standard error."""
        n = len(self.pre)
        return float(np.sqrt(self.target @ self.vcov[n:, n:] @ self.target))


def relative_magnitudes(path: EventPath, bound: float, alpha: float = 0.05, seed: int = 0) -> tuple[float, float]:
    """Return a confidence interval when trends after the award are at most `bound` times the largest one before it.

    Parameters
    ----------
    path : EventPath
        With at least one estimate before the reference period.
    bound : float
        Mbar: change of the differential trend between two periods after the award, as a multiple of the largest change
        before it.
    alpha : float
        One less the confidence level.
    seed : int
        Of the first-stage critical values.

    Returns
    -------
    low, high : float
        Infinite where nothing bounds the effect.

    Raises
    ------
    EstimationError
        There is no estimate before the reference period (`E_NO_PRE`), or a variance is zero (`E_NO_VARIANCE`).

    Reference
    ---------
    Rambachan and Roth (2023), section 2.4.1 for the restriction, a union over the period and sign of the largest trend
    before; section 3 for the test, in its conditional form with a least-favourable first stage.
    """
    found = [_Inversion(path, a, alpha, seed).interval() for a in _largest_before(path, bound)]
    known = [ends for ends in found if ends is not None]
    if not known:
        raise EstimationError("no value of the effect agrees with the bound on trends", code="E_NO_VALUE")
    return min(low for low, _ in known), max(high for _, high in known)


def agrees(path: EventPath, value: float, bound: float, alpha: float = 0.05, seed: int = 0) -> bool:
    """Say whether a value of the effect is not rejected under `relative_magnitudes`; the arguments are its."""
    return any(
        bool(_Inversion(path, a, alpha, seed).accepts(np.array([value]))[0]) for a in _largest_before(path, bound)
    )


def smoothness(path: EventPath, bound: float, alpha: float = 0.05) -> tuple[float, float]:
    """Return the shortest fixed-length interval when the slope of the trend changes by at most `bound` per period.

    Parameters
    ----------
    path : EventPath
        The estimates; with one before the reference period or more a linear trend is taken out.
    bound : float
        M, in units of the estimates; 0 is a linear differential trend.
    alpha : float
        One less the confidence level.

    Raises
    ------
    EstimationError
        There is no estimate before the reference period (`E_NO_PRE`).

    Reference
    ---------
    Rambachan and Roth (2023), section 2.4.2 and section 4.1; Armstrong and Kolesar (2018), Optimal inference in a
    class of regression models, for the interval.
    """
    if not len(path.pre):
        raise EstimationError("no effect before the award, so no trend can be taken out", code="E_NO_PRE")
    n_pre, size = len(path.pre), len(path.beta)
    to_changes = np.vstack([_first_change_after(n_pre, size), _second_differences(n_pre, size)])
    from_changes = np.asarray(np.linalg.inv(to_changes).T, np.float64)
    fixed = np.concatenate([np.zeros(n_pre), path.target])
    free = np.eye(size)[:, :n_pre]
    weights, length = shortest_interval(free, fixed, path.vcov, from_changes, bound, alpha)
    centre = float(weights @ path.beta)
    return centre - length, centre + length


def _largest_before(path: EventPath, bound: float) -> Iterator[NDArray[np.float64]]:
    """Yield for each period before the award and each sign the matrix A (rows, P + Q) of A delta <= 0."""
    if not len(path.pre):
        raise EstimationError("no effect before the award, so there is no trend to compare with", code="E_NO_PRE")
    if (np.diag(path.vcov) <= 0).any():
        raise EstimationError("an effect by event time has no variance", code="E_NO_VARIANCE")
    n_pre = len(path.pre)
    change = _differences(n_pre, len(path.beta))
    multiple = np.where(np.arange(len(change)) < n_pre, 1.0, bound)[:, None]
    for largest in range(n_pre):
        for sign in (1.0, -1.0):
            most = multiple * sign * change[largest]
            rows = np.vstack([change - most, -change - most])
            if len(path.post) > 1:
                rows = rows[np.r_[n_pre : len(change), len(change) + n_pre : 2 * len(change)]]
            yield rows[(rows != 0).any(axis=1)]


def _differences(n_pre: int, size: int) -> NDArray[np.float64]:
    """Return the matrix (size, size) of changes from one period to the next; delta is 0 at the reference period."""
    changes: NDArray[np.float64] = np.delete(np.diff(np.eye(size + 1), axis=0), n_pre, axis=1)
    return changes


def _second_differences(n_pre: int, size: int) -> NDArray[np.float64]:
    return np.asarray(np.diff(_differences(n_pre, size), axis=0), np.float64)


def _first_change_after(n_pre: int, size: int) -> NDArray[np.float64]:
    return np.asarray(_differences(n_pre, size)[n_pre], np.float64)


class _Inversion:
    """The test of A delta <= 0 as a test of the effect."""

    def __init__(self, path: EventPath, a: NDArray[np.float64], alpha: float, seed: int) -> None:
        from scipy.linalg import null_space

        n_pre, target = len(path.pre), path.target
        self._y, self._unit = a @ path.beta, path.std_error
        self._asked = a[:, n_pre:] @ target / (target @ target)
        self._others = a[:, n_pre:] @ null_space(target[None, :])
        self._vcov = a @ path.vcov @ a.T
        self._test = ConditionalTest(self._others, self._vcov, alpha, seed)

    def accepts(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which values (n,) of the effect are not rejected."""
        return ~self._test.rejects(self._y - np.outer(values, self._asked))

    def interval(self) -> tuple[float, float] | None:
        """Return the least and largest value accepted, None when every value is rejected."""
        ends = _agreeing(self._y, np.column_stack([self._asked, self._others]), np.sqrt(np.diag(self._vcov)))
        found = [_furthest(self.accepts, end, side * self._unit) for end, side in zip(ends, (-1, 1), strict=True)]
        known = [end for end in found if end is not None]
        return (min(known), max(known)) if known else None


def _agreeing(
    y: NDArray[np.float64], x: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[float, float]:  # fmt: skip
    """Return the least and largest effect with y - x t <= 0; where there is none, the one that violates it least."""
    from scipy.optimize import linprog

    rows, side = x / error[:, None], y / error
    unit = np.abs(rows[:, 0]).max()
    rows = np.column_stack([rows[:, 0] / unit, rows[:, 1:]])
    ends = []
    for sign in (1.0, -1.0):
        aim = sign * np.eye(rows.shape[1])[0]
        found = linprog(aim, A_ub=-rows, b_ub=-side, bounds=(None, None), method="highs-ds")
        if found.status == EMPTY:
            slack = np.column_stack([np.ones(len(side)), rows])
            least = linprog(np.eye(slack.shape[1])[0], A_ub=-slack, b_ub=-side, bounds=(None, None), method="highs-ds")
            return float(least.x[1] / unit), float(least.x[1] / unit)
        ends.append(-sign * np.inf if found.status == UNBOUNDED else sign * found.fun / unit)
    return ends[0], ends[1]


def _furthest(accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]], start: float, step: float) -> float | None:
    """Return the last value accepted from `start` in the direction of `step`, None when there is none."""
    if not np.isfinite(start):
        return start
    reach = FIRST_REACH
    while True:
        values = start + step * reach * np.linspace(0, 1, N_SCAN)
        inside = accepts(values)
        if not inside[-1] or reach >= FURTHEST:
            break
        reach *= 4.0
    if not inside.any():
        return None
    last = len(inside) - 1 - int(inside[::-1].argmax())
    return float(np.copysign(np.inf, step)) if inside[-1] else _end(accepts, values[last + 1], values[last], abs(step))


def _end(
    accepts: Callable[[NDArray[np.float64]], NDArray[np.bool_]], outside: float, inside: float, unit: float
) -> float:
    """Return the value between a rejected and an accepted one where the set ends."""
    while abs(inside - outside) > PRECISION * unit:
        values = np.linspace(outside, inside, N_REFINE)
        first = int(accepts(values[1:]).argmax()) + 1
        outside, inside = float(values[first - 1]), float(values[first])
    return inside
