"""Effects given past outcomes: a regression of control firms predicts treated ones."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.stats.common_support import inverse_on
from evalkit.stats.exact_gram import exact_gram, to_unit_range


@dataclasses.dataclass(frozen=True, eq=False)
class LaggedEffect:
    """One cell: the effect and the influence (m,) of the firms that it was made of."""

    estimate: float
    influence: NDArray[np.float64]


def lagged_effect(
    y: NDArray[np.float64], x: Sequence[NDArray[np.float64]], weight: NDArray[np.float64],
    treated: NDArray[np.bool_], names: tuple[str, ...], where: str,
) -> LaggedEffect:  # fmt: skip
    """Return the mean outcome of treated firms less the mean that control firms' regression predicts for them.

    Parameters
    ----------
    y : (m,) float64
        Outcome.
    x : sequence of (m,) float64
        q columns: past outcomes and covariates, without a constant.
    weight : (m,) float64
        Positive weights.
    treated : (m,) bool
        Treated firms; all others are controls.
    names : tuple of str
        The constant and the q columns of x, for messages.
    where : str
        Which cell, for messages.

    Raises
    ------
    DesignError
        Columns are collinear among the control firms (`E_COLLINEAR`).

    Notes
    -----
    Every value of a firm is made column by column and every sum is exact, so that the order of firms changes no bit.

    Reference
    ---------
    Imbens and Wooldridge (2009), Journal of Economic Literature 47(1), equation 12, with the treated firms' mean.
    """
    design = [np.ones(len(y)), *map(to_unit_range, x)]
    centre = (y.min() + y.max()) / 2
    root = np.sqrt(weight)
    columns = [root * column for column in (*design, y - centre)]
    control, own = (exact_gram([column[side] for column in columns]) for side in (~treated, treated))
    inverse = inverse_on(control[:-1, :-1], np.arange(len(design)), names, where)
    slopes, mass = inverse @ control[:-1, -1], own[0, 0]
    mean = own[0] / mass
    effect = float(mean[-1] - mean[:-1] @ slopes)
    left, lever = y - centre, np.zeros(len(y))
    for column, slope, part in zip(design, slopes, inverse @ mean[:-1], strict=True):
        left -= slope * column
        lever += part * column
    influence = weight * np.where(treated, (left - effect) / mass, -lever * left)
    return LaggedEffect(effect, influence)
