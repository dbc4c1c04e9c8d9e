"""What wrong and missing links between awards and firms do to an effect."""

import dataclasses

import numpy as np

from evalkit.stats.student import quantile


@dataclasses.dataclass(frozen=True)
class LinkQuality:
    """How good links are, each as the least and the greatest value that may be.

    Parameters
    ----------
    precision : (2,) float
        Share of the firms recorded as treated that are.
    recall : (2,) float
        Share of the treated firms that are recorded as such.
    """

    precision: tuple[float, float]
    recall: tuple[float, float]


def attenuation(precision: float, recall: float, odds: float) -> float:
    """Return what share of the effect a comparison of recorded groups shows.

    Of n_1 firms recorded as treated only `precision` n_1 are. Those are `recall` of all treated firms, so that
    precision n_1 (1/recall - 1) stand among the n_0 controls. With wrong links unrelated to changes of outcomes the
    expected difference is the effect times precision - precision (1/recall - 1) n_1/n_0.

    Parameters
    ----------
    precision, recall : float
        Above 0, at most 1.
    odds : float
        n_1/n_0: firms recorded as treated per control firm that awards could have been linked to.

    Reference
    ---------
    Aigner (1973), Regression with a binary independent variable subject to errors of observation, Journal of
    Econometrics 1(1), equation 8: one less the probabilities that a record in each group is wrong.
    """
    return precision - min(precision * (1.0 / recall - 1.0) * odds, 1.0)


def attenuation_bounds(quality: LinkQuality, odds: float) -> tuple[float, float]:
    """Return the least and the greatest attenuation that the quality of links allows.

    It rises with recall, and is linear in precision where it is above 0, so that its extremes are at the ends; below
    0 links tell nothing of the effect.
    """
    ends = [[attenuation(p, r, odds) for p in quality.precision] for r in quality.recall]
    return min(ends[0]), max(ends[1])


def effect_bounds(low: float, high: float, factors: tuple[float, float]) -> tuple[float, float] | None:
    """Return the effects that an estimate between `low` and `high` may stand for; None when links tell nothing."""
    if factors[0] <= 0:
        return None
    ends = np.divide.outer([low, high], factors)
    return float(ends[0].min()), float(ends[1].max())


def wilson(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return an interval for a share seen in a sample of n.

    Reference
    ---------
    Wilson (1927), Journal of the American Statistical Association 22(158).
    """
    z = float(quantile(0.5 + level / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))
