"""Regressions that come close to single firms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalkit.reporting.disclosure.profiles import Profile


def too_few_dof(n_firms: int, n_parameters: int, profile: Profile) -> bool:
    """Say whether the residual degrees of freedom are few; each firm counts once, in however many years it is seen."""
    return n_firms - n_parameters < profile.least_dof


def thin_regressors(design: ArrayLike, firms: ArrayLike, profile: Profile) -> list[int]:
    """Return the columns of 0/1 regressors that few firms have, or lack: each coefficient is a mean of those firms.

    Parameters
    ----------
    design : (rows, columns) array_like
        Regressors; a column with one value only is no such regressor.
    firms : (rows,) array_like
        Firm of each row.
    profile : Profile
        `threshold`.
    """
    columns, owner = np.asarray(design, np.float64), np.asarray(firms)
    return [j for j in range(columns.shape[1]) if _is_thin(columns[:, j], owner, profile.threshold)]


def _is_thin(column: NDArray[np.float64], owner: NDArray[np.generic], threshold: int) -> bool:
    levels = np.unique(column)
    if not np.array_equal(levels, [0.0, 1.0]):
        return False
    return any(len(np.unique(owner[column == level])) < threshold for level in levels)
