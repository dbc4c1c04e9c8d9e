"""How the baseline characteristics of the firms that are seen change with the years."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.balance import is_share, smd, weighted_variance
from evalkit.stats.covariates import Covariate
from evalkit.stats.observed import Observed


@dataclasses.dataclass(frozen=True)
class Shift:
    """Change of one mean since the base period, by event time.

    Parameters
    ----------
    covariate, level : str
        A number, or a level of a category.
    event_time : int
        Periods since the award.
    treated, control : float
        Change of the mean among the firms that are seen, in standard deviations of the treated firms; of shares as it
        is.
    """

    covariate: str
    level: str
    event_time: int
    treated: float
    control: float

    @property
    def gap(self) -> float:
        """Change of the difference between the groups."""
        return self.treated - self.control


def shifts(firms: Observed, covariates: Sequence[Covariate]) -> list[Shift]:
    """Compare firms seen at each event time with those seen in the base period.

    Each cohort is set against never-treated firms of the same calendar years; cohorts count in proportion to their
    firms seen in the base period.
    """
    return [shift for covariate in covariates for shift in _shifts(firms, covariate)]


def seen_firms(firms: Observed, event_time: int) -> tuple[int, int]:
    """Return how many treated, and how many never-treated firms are seen then, the latter in the best of years."""
    cohorts = [g for g in firms.cohorts if firms.periods[0] <= g + event_time <= firms.periods[-1]]
    is_in, n_treated, n_control = firms.weight > 0, 0, 0
    for g in cohorts:
        seen = is_in & np.isfinite(firms.at(g + event_time))
        n_treated += int((seen & (firms.cohort == g)).sum())
        n_control = max(n_control, int((seen & (firms.cohort == 0)).sum()))
    return n_treated, n_control


def _shifts(firms: Observed, covariate: Covariate) -> Iterator[Shift]:
    means, mass = _means(firms, covariate)
    scale = _scale(firms, covariate)
    cohorts, first, last = np.array(firms.cohorts), firms.periods[0], firms.periods[-1]
    base = cohorts - 1 - firms.anticipation - first
    place = np.arange(1, len(cohorts) + 1)
    for event_time in range(first - int(cohorts.max(initial=first)), last - int(cohorts.min(initial=last)) + 1):
        at = cohorts + event_time - first
        inside = np.flatnonzero((at >= 0) & (at <= last - first) & (event_time != -1 - firms.anticipation))
        if not inside.size:
            continue
        now, then, own = at[inside], base[inside], place[inside]
        change = np.stack([means[now, own] - means[then, own], means[now, 0] - means[then, 0]], axis=1)
        known = np.isfinite(change).all(axis=(1, 2))
        share = mass[then, own] * known
        if share.sum() > 0:
            found = np.einsum("g,gsl->sl", share[known], change[known]) / share.sum()
            for j, level in enumerate(covariate.levels or ("",)):
                yield Shift(covariate.name, level, event_time, scale * float(found[0, j]), scale * float(found[1, j]))


def _means(firms: Observed, covariate: Covariate) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means (T, 1 + C, levels) and mass (T, 1 + C) of the firms seen in each period, never-treated first."""
    labels = np.array([0, *firms.cohorts])
    group = np.searchsorted(labels, firms.cohort).clip(max=len(labels) - 1)
    is_in = (firms.weight > 0) & ~covariate.is_missing & (labels[group] == firms.cohort)
    n_levels = len(covariate.levels or ("",))
    sums = np.zeros((len(firms.periods), len(labels), n_levels))
    mass = np.zeros(sums.shape[:2])
    for t in range(len(firms.periods)):
        rows = np.flatnonzero(is_in & np.isfinite(firms.y[:, t]))
        w, x, g = firms.weight[rows], covariate.values[rows], group[rows]
        mass[t] = np.bincount(g, w, len(labels))
        cell, value = (g, w * x) if covariate.levels is None else (g * n_levels + x, w)
        sums[t] = np.bincount(cell, value, len(labels) * n_levels).reshape(sums.shape[1:])
    return np.divide(sums, mass[:, :, None], out=np.full(sums.shape, np.nan), where=mass[:, :, None] > 0), mass


def _scale(firms: Observed, covariate: Covariate) -> float:
    """Return what differences of means are multiplied by; 1 for shares, and 0 where no firm differs."""
    known = ~covariate.is_missing & (firms.weight > 0)
    if covariate.levels is not None or is_share(covariate.values[known]):
        return 1.0
    x, w = covariate.values[known], firms.weight[known]
    treated = firms.cohort[known] > 0
    variances = [weighted_variance(x[own], w[own]) for own in (treated, ~treated)]
    found = smd(1.0, *variances)
    return found if np.isfinite(found) else 0.0
