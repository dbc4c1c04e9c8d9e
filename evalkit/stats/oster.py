"""Selection on what is not seen, measured by selection on the covariates: the bias of a coefficient, and its limits.

With u the bias of the regression with covariates in standard deviations (outcome per award), d by how much covariates
moved the coefficient in the same unit, s the share of the award's variance that they leave, B what they add to R2 and C
what the unseen would add, selection in the ratio delta means

    delta (d + u (1 - s)) (C + s u^2) = s u (B - s u^2 + (d + u)^2),

which is cubic in u, quadratic at delta = 1, and linear in delta.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.common_support import inverse_on

R2_FACTOR = 1.3
"""R2 with all that is not seen, over that with the covariates: 90 % of the effects that trials found by lot survive it
(Oster 2019)."""
REAL = 1e-9
"""Roots with a smaller imaginary part, as a share of their size, are real."""


@dataclasses.dataclass(frozen=True)
class Regressions:
    """A regression of the change on the award without covariates (short), and one with them (long).

    Parameters
    ----------
    short, long : float
        Coefficients of the award.
    r2_short, r2_long : float
        Shares of the variance explained.
    scale : float
        Standard deviation of the change over that of the award.
    left : float
        Share of the award's variance that the covariates leave.
    """

    short: float
    long: float
    r2_short: float
    r2_long: float
    scale: float
    left: float

    @property
    def r2_max(self) -> float:
        """R2 of a regression with all that is not seen too."""
        return min(1.0, R2_FACTOR * self.r2_long)

    def bias(self, delta: float = 1.0, r2_max: float | None = None) -> float:
        """Return the bias of the long regression when selection on the unseen is delta times that on covariates.

        Of several roots the smallest counts that has the sign of what covariates took away: covariates and the unseen
        are supposed to select in one direction.

        Parameters
        ----------
        delta : float
        r2_max : float, optional
            Default: `r2_max`.

        Reference
        ---------
        Oster (2019), Journal of Business & Economic Statistics 37(2), section 3.
        """
        d, s, added, unseen = self._parts(r2_max)
        roots = np.roots([
            (delta - 1) * s * (1 - s),
            (delta - 2) * s * d,
            delta * (1 - s) * unseen - s * (added + d**2),
            delta * d * unseen,
        ])  # fmt: skip
        real = roots.real[np.abs(roots.imag) <= REAL * np.abs(roots)]
        same = real[real * d >= 0]
        return float(same[np.argmin(np.abs(same))] * self.scale) if len(same) else 0.0

    def adjusted(self, delta: float = 1.0, r2_max: float | None = None) -> float:
        """Return the long coefficient less its bias."""
        return self.long - self.bias(delta, r2_max)

    def delta(self) -> float:
        """Return the ratio of selection at which there would be no effect; infinite when no ratio does that.

        Negative when the unseen would have to select against the direction of the covariates.
        """
        d, s, added, unseen = self._parts(None)
        u = self.long / self.scale
        below = (d + u * (1 - s)) * (unseen + s * u**2)
        return s * u * (added - s * u**2 + (d + u) ** 2) / below if below else np.inf

    def _parts(self, r2_max: float | None) -> tuple[float, float, float, float]:
        unseen = (self.r2_max if r2_max is None else r2_max) - self.r2_long
        return (self.short - self.long) / self.scale, self.left, self.r2_long - self.r2_short, unseen


def regressions(products: NDArray[np.float64], names: tuple[str, ...]) -> Regressions:
    """Fit both from sums of products (p + 2, p + 2), about means, of p covariates, the award and its change.

    Raises
    ------
    DesignError
        Covariates are collinear, or tell exactly who is treated (`E_COLLINEAR`).
    """
    p = len(names)
    award, change = products[p:, p:]
    inverse_on(products[:-1, :-1], np.arange(p + 1), (*names, "award"), "the firms compared")
    inverse = inverse_on(products[:p, :p], np.arange(p), names, "the firms compared")
    left = products[p:, p:] - products[p:, :p] @ inverse @ products[:p, p:]
    long = left[0, 1] / left[0, 0]
    return Regressions(
        short=float(award[1] / award[0]), long=float(long),
        r2_short=float(award[1] ** 2 / award[0] / change[1]),
        r2_long=float(1 - (left[1, 1] - long * left[0, 1]) / change[1]),
        scale=float(np.sqrt(change[1] / award[0])), left=float(left[0, 0] / award[0]),
    )  # fmt: skip


def covariates_p_value(found: Regressions, n_covariates: int, n_firms: int) -> float:
    """Return the p-value of the F test that no covariate has to do with the change beside the award."""
    from scipy.stats import f

    rest = n_firms - n_covariates - 2
    gain = (found.r2_long - found.r2_short) / n_covariates
    return float(f.sf(gain / ((1 - found.r2_long) / rest), n_covariates, rest)) if rest > 0 else 1.0
