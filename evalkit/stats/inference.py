"""From estimates and covariance to the tidy table of effects."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import conform
from evalkit.stats.student import quantile, tail

if TYPE_CHECKING:
    import pandas as pd

FEWEST_FOR_ERROR = 3
"""With one or two treated firms, or clusters that hold them, no standard error is worth printing: clustered tests of a
true null then reject in 37 to 89 % of samples."""


def effects_table(
    labels: Mapping[str, Sequence[Any]],
    estimate: NDArray[np.float64],
    vcov: NDArray[np.float64],
    dof: float | NDArray[np.float64],
    level: float,
) -> tuple["pd.DataFrame", NDArray[np.float64]]:
    """Build the table of `Effects` from labels, estimates and covariance.

    Parameters
    ----------
    labels : dict of column to values
        Columns of `effects.COLUMNS` that say what each row is; must hold `n_treated`; with
        `n_clusters`, the clusters of the treated firms, these count too.
    estimate : (K,)
    vcov : (K, K)
    dof : float or (K,)
        Degrees of freedom of the t distribution; infinite for the normal.
    level : float
        Confidence level.

    Returns
    -------
    table : DataFrame
        Conformed to `effects.COLUMNS`.
    vcov : (K, K)
        NaN in rows and columns without a standard error.
    """
    few = lacks_error(labels)
    masked = vcov.copy()
    masked[few, :] = np.nan
    masked[:, few] = np.nan
    error = np.sqrt(np.maximum(np.diag(masked), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(error > 0, estimate / error, np.nan)
    reach = quantile(0.5 + level / 2, dof) * error
    columns = {
        **labels, "estimate": estimate, "std_error": error, "statistic": statistic,
        "p_value": 2 * tail(np.abs(statistic), dof), "conf_low": estimate - reach, "conf_high": estimate + reach,
    }  # fmt: skip
    return conform(columns), masked


def lacks_error(labels: Mapping[str, Sequence[Any]]) -> NDArray[np.bool_]:
    """Say which effects (K,) have too few treated firms, or clusters with one, for a standard error."""
    behind = np.minimum(labels["n_treated"], labels.get("n_clusters", labels["n_treated"]))
    return np.asarray(behind < FEWEST_FOR_ERROR)
