"""Made-up paths of outcomes: a firm's own level, a common trend, and shocks that fade.

On its scale the outcome of firm i in period t is mean + growth * t + a_i + u_it with u_it = r * u_i,t-1 + e_it,
stationary. A binary outcome is 1 where a standard normal with the same correlation over time lies below the quantile of
the share of ones, so that this share is exactly what is asked for. All random numbers are hashes of a key for each
firm, so they do not depend on where a firm stands.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from evalkit.model.study import Transform
from evalkit.stats.stable_hash import counted

LARGEST_AR = 0.95
"""Shocks that never fade are taken as fading slowly: a stationary law is needed."""
WORD = 2.0**-32


@dataclasses.dataclass(frozen=True)
class Noise:
    """The law of one outcome without an effect.

    Parameters
    ----------
    mean : float
        In the first period; of a binary outcome, the share of ones.
    growth : float
        More in each later period.
    sd_firms, sd_shocks : float
        Standard deviations of the firms' levels and of the shocks. Of a binary outcome only their ratio counts.
    autocorrelation : float
        Share of a shock that is left a period later.
    missing : float
        Share of firm-periods without a value.
    """

    mean: float
    growth: float
    sd_firms: float
    sd_shocks: float
    autocorrelation: float
    missing: float


def made_paths(
    key: NDArray[np.uint64], noise: Noise, effect: NDArray[np.float64], is_binary: bool
) -> NDArray[np.float64]:  # fmt: skip
    """Make one path without gaps for each firm.

    Parameters
    ----------
    key : (n,) uint64
        Hash of each firm and of what the draws are for.
    noise : Noise
        The law.
    effect : (n, T) float64
        What is added, to the mean or to the share of ones.
    is_binary : bool
        Whether values are 0 and 1.

    Returns
    -------
    (n, T) float64
        On the outcome's scale.
    """
    from scipy.special import ndtri

    n_periods = effect.shape[1]
    normal = ndtri(uniform(key, n_periods + 1))
    shock = _fading(normal[:, 1:], noise.autocorrelation)
    centre = noise.mean + noise.growth * np.arange(n_periods) + effect
    if is_binary:
        own, passing = noise.sd_firms, noise.sd_shocks
        latent = (own * normal[:, :1] + passing * shock) / math.hypot(own, passing)
        return np.asarray(latent < ndtri(centre), np.float64)
    return np.asarray(centre + noise.sd_firms * normal[:, :1] + noise.sd_shocks * shock, np.float64)


def uniform(key: NDArray[np.uint64], n_draws: int) -> NDArray[np.float64]:
    """Return random numbers (n, n_draws) between 0 and 1, neither of which occurs."""
    return np.asarray((counted(key, n_draws, "<u4") + 0.5) * WORD, np.float64)


def _fading(draws: NDArray[np.float64], ar: float) -> NDArray[np.float64]:
    """Return stationary first-order autoregressions (n, T) with variance 1."""
    found = draws.copy()
    for t in range(1, found.shape[1]):
        found[:, t] = ar * found[:, t - 1] + math.sqrt(1 - ar**2) * draws[:, t]
    return found


def levels(y: NDArray[np.float64], scale: Transform) -> NDArray[np.float64]:
    """Return values (n, T) whose transform is y: the inverse of `transforms.transform`.

    The first period of growth has no growth; its level is 1.
    """
    if scale == "log":
        return np.exp(y)
    if scale == "asinh":
        return np.sinh(y)
    if scale != "growth":
        return y
    return np.asarray(np.exp(np.cumsum(np.concatenate([np.zeros((len(y), 1)), y[:, 1:]], axis=1), axis=1)), np.float64)


def seen_noise(y: NDArray[np.float64]) -> dict[str, float]:
    """Read the law of an outcome off some periods without any effect.

    Half the mean square of changes over k periods is (1 - r^k) sd_shocks^2, whatever the firms' levels are. Two of
    them give r; from changes over one period alone it is not known.

    Parameters
    ----------
    y : (n, L) float64
        Values on the scale, NaN where not observed.

    Returns
    -------
    dict
        Those fields of `Noise` that the periods tell: all of them from three periods, fewer from two or one.
    """
    has = ~np.isnan(y)
    if not has.any():
        return {}
    known = has.any(axis=0)
    count = has.sum(axis=0)
    means = np.divide(np.where(has, y, 0.0).sum(axis=0), count, out=np.zeros(len(count)), where=count > 0)
    first, last = np.flatnonzero(known)[[0, -1]]
    found = {"mean": float(means[first]), "missing": float(1 - has[:, known].mean())}
    if last > first:
        found["growth"] = float((means[last] - means[first]) / (last - first))
        found["mean"] -= first * found["growth"]
    centred = y - means
    half = [h for lag in (1, 2) if (h := _half_square(centred, lag)) is not None]
    if len(half) == 2 and half[0] > 0:
        ar = min(max(half[1] / half[0] - 1, 0.0), LARGEST_AR)
        shocks = half[0] / (1 - ar)
        total = float(np.nanmean(centred**2))
        found |= {
            "autocorrelation": ar, "sd_shocks": math.sqrt(shocks), "sd_firms": math.sqrt(max(total - shocks, 0.0)),
        }  # fmt: skip
    return found


def _half_square(centred: NDArray[np.float64], lag: int) -> float | None:
    """Return half the mean square of changes over `lag` periods, None where there are fewer than two."""
    change = centred[:, lag:] - centred[:, :-lag]
    is_seen = ~np.isnan(change)
    return float(np.nanmean(change**2) / 2) if is_seen.sum() > 1 else None
