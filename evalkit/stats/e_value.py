"""E-values: how strongly something not seen would have to go with support and with the outcome.

Reference
---------
VanderWeele and Ding (2017), Sensitivity analysis in observational research: introducing the E-value, Annals of Internal
Medicine 167(4), equation 1 and table 2.
"""

import math

FROM_STANDARDISED = 0.91
"""A standardised difference d is about a risk ratio of exp(0.91 d): table 2 of the paper, after Chinn (2000)."""


def e_value(ratio: float) -> float:
    """Return the E-value of a ratio above 0: R + sqrt(R (R - 1)) of the ratio or its inverse, whichever is above 1."""
    r = ratio if ratio >= 1 else 1 / ratio
    return r + math.sqrt(r * (r - 1))


def e_values(effect: float, low: float, high: float) -> tuple[float, float]:
    """Return the E-values of an effect on the log scale and of the end of its interval that is nearer to none.

    An interval with 0 in it has the E-value 1: nothing needs to be explained away.
    """
    nearer = low if low > 0 else high if high < 0 else 0.0
    return e_value(math.exp(effect)), e_value(math.exp(nearer))
