"""Bands that cover a whole path of effects at once."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Effects
from evalkit.stats.bootstrap import critical_value
from evalkit.stats.scratch import chunks
from evalkit.stats.student import quantile
from evalkit.stats.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 100_000
"""Draws of the largest |t|: the simulated 95 % point is within about 0.01 of its limit."""


def sup_t(vcov: NDArray[np.float64], level: float = 0.95, seed: int = 0) -> float:
    """Return the critical value c with P(max_k |z_k| <= c) = level for z normal with the correlation of `vcov`.

    Parameters
    ----------
    vcov : (K, K)
        Covariance; rows without variance do not count.
    level : float
        Coverage of the whole band.
    seed : int
        Key of the counter-based generator.

    Reference
    ---------
    Montiel Olea and Plagborg-Moller (2019), section 3: the plug-in sup-t band.
    """
    error = np.sqrt(np.maximum(np.diag(vcov), 0.0))
    use = np.isfinite(error) & (error > 0)
    if not use.any():
        return float(quantile(0.5 + level / 2))
    correlation = vcov[np.ix_(use, use)] / np.outer(error[use], error[use])
    with one_thread():
        values, vectors = np.linalg.eigh(correlation)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        rng, largest = np.random.Generator(np.random.Philox(key=seed)), np.empty(DRAWS)
        for part in chunks(slice(0, DRAWS)):
            z = root @ rng.standard_normal((part.stop - part.start, len(root))).T
            largest[part] = np.abs(z, out=z).max(axis=0)
    return float(np.quantile(largest, level))


def simultaneous_band(effects: Effects, level: float = 0.95, seed: int = 0) -> "pd.DataFrame":
    """Return the band of each outcome's effects that covers all of them together with probability `level`.

    From the bootstrap's draws where the effects carry some, otherwise from the normal law in closed form.

    Parameters
    ----------
    effects : Effects
        Usually aggregated by event time.
    level : float
        Coverage of the whole band.
    seed : int
        Key of the counter-based generator.

    Returns
    -------
    DataFrame
        Columns `band_low`, `band_high`, `critical_value`, aligned with `effects.table`.

    Reference
    ---------
    Callaway and Sant'Anna (2021), section 4.1; Montiel Olea and Plagborg-Moller (2019).
    """
    import pandas as pd

    table = effects.table
    critical = np.full(len(table), np.nan)
    for outcome in dict.fromkeys(table["outcome"]):
        rows = np.flatnonzero((table["outcome"] == outcome).to_numpy(dtype=bool))
        if effects.draws is not None:
            error = np.sqrt(np.diag(effects.vcov)[rows])
            critical[rows] = critical_value(effects.draws.effects[:, rows], error, level)
        else:
            critical[rows] = sup_t(effects.vcov[np.ix_(rows, rows)], level, seed)
    estimate, reach = table["estimate"].to_numpy(), critical * table["std_error"].to_numpy()
    return pd.DataFrame({"band_low": estimate - reach, "band_high": estimate + reach, "critical_value": critical})
