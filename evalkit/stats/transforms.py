"""Scales on which effects are estimated."""

import numpy as np
from numpy.typing import NDArray

from evalkit.model.study import Transform


def transform(
    levels: NDArray[np.float64], scale: Transform, out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:  # fmt: skip
    """Put levels on the scale of an outcome.

    Parameters
    ----------
    levels : (n, T) float64
        Values by firm and period, NaN where not observed.
    scale : {"level", "log", "asinh", "growth", "share", "binary"}
        "growth" is the change of the logarithm from the period before, so its first period is NaN.
    out : (n, T) float64, optional
        Where logarithms may be written, the levels themselves for example.

    Returns
    -------
    (n, T) float64
        NaN where not observed or, for logarithms, where the level is not positive.
    """
    if scale in ("level", "share", "binary"):
        return levels
    if scale == "asinh":
        return np.arcsinh(levels)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(levels, out=out)
    is_infinite = np.isinf(logs)
    if is_infinite.any():
        logs[is_infinite] = np.nan
    if scale == "log":
        return logs
    growth = np.full_like(logs, np.nan)
    growth[:, 1:] = logs[:, 1:] - logs[:, :-1]
    return growth
