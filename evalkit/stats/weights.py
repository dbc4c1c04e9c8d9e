"""What weights are worth: the effective number of firms, and when it is too small."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError

FEWEST_EFFECTIVE = 10.0
"""Controls that count as fewer equally weighted firms than this are not a comparison."""


def effective_number(weight: NDArray[np.float64]) -> float:
    """Return Kish's effective number of firms, (sum w)^2 / sum w^2; 0 without weight.

    Reference
    ---------
    Kish (1965), Survey sampling, section 11.7.
    """
    square = float((weight**2).sum())
    return float(weight.sum()) ** 2 / square if square else 0.0


def require_effective(weight: NDArray[np.float64]) -> None:
    """Refuse weights of controls (n,) that rest on few of them.

    Raises
    ------
    DesignError
        `E_TOO_FEW_CONTROLS`: their effective number is below `FEWEST_EFFECTIVE`.
    """
    n = effective_number(weight)
    if n < FEWEST_EFFECTIVE:
        raise DesignError(
            f"the {int((weight > 0).sum()):,} weighted controls count as only {n:.1f} equally weighted firms",
            code="E_TOO_FEW_CONTROLS",
            hint=f"at least {FEWEST_EFFECTIVE:g} are needed: use fewer covariates, trim extreme scores, or widen the "
            "population of controls",
        )
