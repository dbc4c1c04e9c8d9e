"""Tests of linear moment inequalities with nuisance parameters, conditional on what binds.

Andrews, Roth and Pakes (2023), Inference for linear conditional moment inequalities, Review of Economic Studies 90(6);
as applied to differential trends by Rambachan and Roth (2023), A more credible approach to parallel trends, Review of
Economic Studies 90(5), section 3.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.dual_programme import DualProgramme

N_DRAWS = 10_000
"""Draws for the first-stage critical value: the 99.5 % point then has a simulation error of about 1 %."""
FIRST_STAGE = 0.1
"""Share of the level that the first stage uses (Rambachan and Roth, section 3.3)."""
FAR = 1e3
"""Beyond this many standard errors an end of the truncation counts as infinite."""
AT_END = 1e-9
CERTAIN = 1e-14
"""Variance, in units of the rows' own, of a combination of rows whose noise cancels: it is known, not estimated."""
MAX_STEPS = 200


@dataclasses.dataclass(eq=False)
class ConditionalTest:
    """Test that some t has E[y] - X t <= 0, for y normal with known covariance.

    Rows are divided by their standard errors first, so the test does not depend on units.

    Parameters
    ----------
    x : (m, q) float64
        X; q may be 0.
    vcov : (m, m) float64
        Covariance of y.
    alpha : float
        Level.
    seed : int
        Of the draws behind the first-stage critical value.
    """

    x: NDArray[np.float64]
    vcov: NDArray[np.float64]
    alpha: float
    seed: int

    def __post_init__(self) -> None:
        self._error = np.sqrt(np.diag(self.vcov))
        self._correlation = self.vcov / np.outer(self._error, self._error)
        ones = np.ones((len(self._error), 1))
        self._programme = DualProgramme(np.hstack([ones, self.x / self._error[:, None]]))
        size, direction = np.linalg.eigh(self._correlation)
        root = direction * np.sqrt(np.maximum(size, 0.0))
        normal = np.random.Generator(np.random.Philox(key=self.seed)).standard_normal((N_DRAWS, len(size)))
        value, _ = self._programme.solve(normal @ root.T)
        self._first_stage = float(np.quantile(value, 1 - FIRST_STAGE * self.alpha))

    def rejects(self, y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Test each row of y (n, m); returns (n,)."""
        c = y / self._error
        value, g = self._programme.solve(c)
        rejected = value > self._first_stage
        has_law = np.einsum("nm,nm->n", g @ self._correlation, g) > CERTAIN
        rejected |= ~has_law & (value > AT_END)
        rest = np.flatnonzero(~rejected & has_law & (value > 0))
        if len(rest):
            rejected[rest] = self._conditional(c[rest], value[rest], g[rest])
        return rejected

    def _conditional(
        self, c: NDArray[np.float64], value: NDArray[np.float64], g: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Compare each value with its law given the rows that bind: a normal, truncated to where they still would."""
        towards = g @ self._correlation
        variance = np.einsum("nm,nm->n", towards, g)
        direction = towards / variance[:, None]
        fixed = c - direction * value[:, None]
        error = np.sqrt(variance)
        low = self._end(fixed, direction, -FAR * error) / error
        high = np.minimum(self._end(fixed, direction, FAR * error), self._first_stage) / error
        level = (1 - FIRST_STAGE) * self.alpha / (1 - FIRST_STAGE * self.alpha)
        critical = np.maximum(truncated_quantile(1 - level, low, high), 0.0)
        rejected: NDArray[np.bool_] = value / error > critical
        return rejected

    def _end(
        self, fixed: NDArray[np.float64], direction: NDArray[np.float64], start: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the last v towards `start` (n,) at which the vertex that binds is still the best one.

        The largest value over all vertices at fixed + direction v is convex in v and never below v; where it is v the
        vertex is best. Tangents lead from `start` to the end of that stretch in finitely many steps.
        """
        v = start.copy()
        active = np.arange(len(v))
        for _ in range(MAX_STEPS):
            value, g = self._programme.solve(fixed[active] + direction[active] * v[active, None])
            above = value - v[active]
            moving = above > AT_END * np.maximum(1.0, np.abs(v[active]))
            if not moving.any():
                break
            active, g = active[moving], g[moving]
            slope = np.einsum("nm,nm->n", g, direction[active])
            v[active] = np.einsum("nm,nm->n", g, fixed[active]) / (1 - slope)
        return np.where(np.abs(v) >= np.abs(start) / 2, np.copysign(np.inf, start), v)


def truncated_quantile(p: float, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p-quantile of a standard normal truncated to [low, high] (n,), exact in both tails.

    With log F the logarithm of the lower tail, log F(q) = log(F(low) + p (F(high) - F(low))); above 0 the same is done
    with the upper tail, which does not round to 1 there.
    """
    from scipy.special import log_ndtr, ndtri_exp

    near, far, share = np.where(low > 0, -low, high), np.where(low > 0, -high, low), np.where(low > 0, 1 - p, p)
    log_near, log_far = log_ndtr(near), log_ndtr(far)
    quantile = ndtri_exp(log_near + np.log(share + (1 - share) * np.exp(log_far - log_near)))
    found: NDArray[np.float64] = np.clip(np.where(low > 0, -quantile, quantile), low, high)
    return found
