"""How alike treated and control firms are in one covariate, before and after matching."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.ecdf import Gap, ecdf_gaps


@dataclasses.dataclass(frozen=True)
class Balance:
    """How alike the groups are in one number, or in one level of a category.

    Parameters
    ----------
    mean_treated_before, mean_treated : float
        Mean of all treated firms, and of those that stay; shares for a level.
    mean_control_before, mean_control_after : float
        Mean of all controls, and weighted mean of the matched ones.
    smd_before, smd_after : float
        Difference of means over the standard deviation of all treated firms before matching, both times the same.
    variance_ratio_before, variance_ratio_after : float
        Variance of the treated over that of the controls; NaN for shares and 0/1 numbers.
    ecdf_mean_before, ecdf_mean_after : float
        Mean distance of the two distribution functions over the distinct values; for shares their difference.
    ks_before, ks_after : float
        Largest distance of the two distribution functions (Kolmogorov-Smirnov); for shares their difference.
    """

    mean_treated_before: float
    mean_treated: float
    mean_control_before: float
    mean_control_after: float
    smd_before: float
    smd_after: float
    variance_ratio_before: float
    variance_ratio_after: float
    ecdf_mean_before: float
    ecdf_mean_after: float
    ks_before: float
    ks_after: float


@dataclasses.dataclass(frozen=True, eq=False)
class Groups:
    """Who is compared before and after matching.

    Parameters
    ----------
    treated, control : (n,) bool
        The two groups before matching.
    weight : (n,) float64
        Weights after matching, 0 for dropped firms.
    is_raw : bool
        Whether differences of shares stay as they are instead of being divided by a standard deviation.
    control_weight : (n,) float64, optional
        Weights of firms as controls, where a firm may be in both groups.
    """

    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]
    weight: NDArray[np.float64]
    is_raw: bool = False
    control_weight: NDArray[np.float64] | None = None

    def weights(self) -> tuple[NDArray[np.float64], ...]:
        """Return the weights (n,) of treated and control firms before, then after."""
        treated, control = self.treated.astype(np.float64), self.control.astype(np.float64)
        served = control * (self.weight if self.control_weight is None else self.control_weight)
        return treated, control, treated * self.weight, served

    def take(self, rows: NDArray[np.bool_]) -> "Groups":
        """Return some of the firms."""
        served = None if self.control_weight is None else self.control_weight[rows]
        return Groups(self.treated[rows], self.control[rows], self.weight[rows], self.is_raw, served)


def number_balance(x: NDArray[np.float64], groups: Groups) -> Balance:
    """Compare a number; firms without it (NaN) are left out.

    Parameters
    ----------
    x : (n,) float64
        The covariate.
    groups : Groups
        Treated and control firms, and weights.

    Returns
    -------
    Balance
        A number that is only 0 or 1 is treated as a share.

    Reference
    ---------
    Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates between treatment groups
    in propensity-score matched samples. Denominator: Stuart (2010), section 4.1 (treated group, unmatched sample).
    """
    known = np.isfinite(x)
    x, groups = x[known], groups.take(known)
    weights = groups.weights()
    means = [weighted_mean(x, w) for w in weights]
    if is_share(x):
        return _share(means, groups.is_raw)
    variances = [weighted_variance(x, w) for w in weights]
    return _balance(means, variances, ecdf_gaps(x, [(weights[0], weights[1]), (weights[2], weights[3])]))


def level_balance(code: NDArray[np.int32], n_levels: int, groups: Groups) -> list[Balance]:
    """Compare the share of each level of a category; firms without it (code -1) are left out.

    Parameters
    ----------
    code : (n,) int32
        Level of each firm.
    n_levels : int
        Number of levels.
    groups : Groups
        Treated and control firms, and weights.

    Returns
    -------
    list of Balance
        One per level, in order; the standard deviation of a share is sqrt(p(1 - p)).
    """
    known = code >= 0
    code, groups = code[known], groups.take(known)
    shares = []
    for w in groups.weights():
        total = w.sum()
        shares.append(np.bincount(code, w, n_levels) / total if total else np.full(n_levels, np.nan))
    return [_share(p, groups.is_raw) for p in np.stack(shares, axis=1).tolist()]


def weighted_mean(x: NDArray[np.float64], w: NDArray[np.float64]) -> float:
    """Return sum(w x) / sum(w); NaN without weight."""
    total = float(w.sum())
    return float((w * x).sum()) / total if total > 0 else np.nan


def weighted_variance(x: NDArray[np.float64], w: NDArray[np.float64]) -> float:
    """Return the unbiased variance under reliability weights, the usual one when all weights are equal."""
    total = float(w.sum())
    freedom = 1.0 - float(((w / total) ** 2).sum()) if total > 0 else 0.0
    if freedom <= 0:
        return np.nan
    return float((w * (x - weighted_mean(x, w)) ** 2).sum()) / total / freedom


def smd(difference: float, treated_variance: float, control_variance: float) -> float:
    """Return a difference of means over the standard deviation of the treated firms.

    Where treated firms do not vary, the root mean square of both groups' standard deviations stands in; where neither
    varies, no difference gives 0 and any other is infinite.
    """
    deviation = spread(treated_variance, control_variance)
    if deviation > 0:
        return difference / deviation
    return 0.0 if difference == 0 else float(np.sign(difference) * np.inf)


def spread(treated_variance: float, control_variance: float) -> float:
    """Return what differences of means are divided by: see `smd`; 0 where neither group varies."""
    variance = treated_variance if treated_variance > 0 else (treated_variance + control_variance) / 2
    return float(np.sqrt(variance)) if variance > 0 else 0.0


def is_share(x: NDArray[np.float64]) -> bool:
    """Say whether a number (n,) is only 0 or 1, so that its mean is a share."""
    return bool(((x == 0.0) | (x == 1.0)).all())


def _share(shares: list[float], is_raw: bool) -> Balance:
    """Put together the shares of treated before, control before, treated after, control after."""
    gaps = [(abs(shares[i] - shares[i + 1]),) * 2 for i in (0, 2)]
    found = _balance(shares, [p * (1.0 - p) for p in shares], gaps)
    plain = {"smd_before": shares[0] - shares[1], "smd_after": shares[2] - shares[3]} if is_raw else {}
    return dataclasses.replace(found, variance_ratio_before=np.nan, variance_ratio_after=np.nan, **plain)


def _balance(means: list[float], variances: list[float], gaps: Sequence[Gap]) -> Balance:
    """Put together means and variances of treated before, control before, treated after, control after."""
    treated_before, control_before, treated_after, control_after = means
    return Balance(
        mean_treated_before=treated_before,
        mean_treated=treated_after,
        mean_control_before=control_before,
        mean_control_after=control_after,
        smd_before=smd(treated_before - control_before, variances[0], variances[1]),
        smd_after=smd(treated_after - control_after, variances[0], variances[1]),
        variance_ratio_before=_ratio(*variances[:2]),
        variance_ratio_after=_ratio(*variances[2:]),
        ecdf_mean_before=gaps[0][0],
        ecdf_mean_after=gaps[1][0],
        ks_before=gaps[0][1],
        ks_after=gaps[1][1],
    )


def _ratio(treated: float, control: float) -> float:
    return treated / control if control > 0 else np.nan
