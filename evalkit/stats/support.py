"""Common support: the range of scores in which both groups occur."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.candidates import Candidates

Discard = Literal["none", "treated", "control", "both"]


def outside_support(firms: Candidates, score: NDArray[np.float64], discard: Discard) -> Candidates:
    """Drop firms whose score is below the smallest or above the largest one of the other group.

    Parameters
    ----------
    firms : Candidates
        Both groups have firms.
    score : (n_firms,) float64
        Score of each firm that is still in.
    discard : {"none", "treated", "control", "both"}
        Which groups lose firms.

    Raises
    ------
    DesignError
        `E_NO_OVERLAP`: no firm of a group is left.

    Reference
    ---------
    Dehejia and Wahba (1999), Causal effects in nonexperimental studies, section 3.
    """
    if discard == "none":
        return firms
    out = np.zeros(len(score), dtype=bool)
    for group, other in ((firms.treated, firms.control), (firms.control, firms.treated)):
        if discard in ("both", "treated" if group is firms.treated else "control"):
            out |= group & ((score < score[other].min()) | (score > score[other].max()))
    kept = firms.drop(out, "outside_support")
    if not (kept.treated.any() and kept.control.any()):
        raise DesignError(
            f"no firm of one group has a score that the other group has too: {out[firms.rows].mean():.0%} of all firms "
            "are outside the common support",
            code="E_NO_OVERLAP",
            hint="use other covariates, or compare with a wider population of controls",
        )
    return kept
