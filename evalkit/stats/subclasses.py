"""Subclasses of the propensity score, cut at quantiles of the treated firms' scores."""

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError


def subclasses(
    score: NDArray[np.float64], treated: NDArray[np.bool_], key: NDArray[np.uint64], n_subclasses: int, min_n: int
) -> NDArray[np.int64]:
    """Return the subclass (n,) of each firm, numbered from 0 by score.

    A firm whose score equals a quantile belongs to the subclass above it. A subclass that is short of firms of a group
    then takes the next ones from its neighbours, on the side that has more to spare; the order by score is kept.

    Parameters
    ----------
    score : (n,) float64
        Any increasing function of the propensity score.
    treated : (n,) bool
        Which firms are treated; both kinds occur.
    key : (n,) uint64
        Decides which of several firms with the same score goes to another subclass.
    n_subclasses : int
        Subclasses wanted; equal quantiles make fewer.
    min_n : int
        Fewest firms of each group in a subclass.

    Raises
    ------
    DesignError
        `E_TOO_FEW_TREATED`, `E_TOO_FEW_CONTROLS`: a group has fewer than `min_n` firms per subclass.

    Reference
    ---------
    Rosenbaum and Rubin (1984), Reducing bias in observational studies using subclassification on the propensity score.
    Subclasses that are short are filled as R's MatchIt does.
    """
    cut = np.unique(np.quantile(score[treated], np.arange(n_subclasses + 1) / n_subclasses))[1:-1]
    found = np.searchsorted(cut, score, side="right").astype(np.int64)
    for group, name, code in ((treated, "treated", "E_TOO_FEW_TREATED"), (~treated, "control", "E_TOO_FEW_CONTROLS")):
        rows = np.flatnonzero(group)
        if len(rows) < min_n * (len(cut) + 1):
            raise DesignError(
                f"{len(rows):,} {name} firms do not suffice for {len(cut) + 1} subclasses with {min_n} each",
                code=code,
                hint="ask for fewer subclasses, or for fewer firms in each with min_n",
            )
        counts = np.bincount(found[rows], minlength=len(cut) + 1)
        if counts.min() < min_n:
            rows = rows[np.lexsort((key[rows], score[rows]))]
            found[rows] = np.repeat(np.arange(len(cut) + 1), _at_least(counts, min_n))
    return found


def _at_least(counts: NDArray[np.int64], fewest: int) -> NDArray[np.int64]:
    """Return counts with the same sum, none below `fewest`.

    One firm after the other goes to the first subclass that is short, from the nearest one on the side that has more to
    spare; what a subclass can spare counts by the inverse of its distance.
    """
    counts, number = counts.copy(), np.arange(len(counts))
    for needed in range(1, fewest + 1):
        while (counts < needed).any():
            short = int(np.argmax(counts < needed))
            apart = number - short
            spare = np.maximum(counts - needed, 0) / np.maximum(np.abs(apart), 1)
            side = apart < 0 if spare[apart < 0].sum() >= spare[apart > 0].sum() else apart > 0
            givers = number[side & (counts >= needed)]
            counts[givers[np.argmin(np.abs(givers - short))]] -= 1
            counts[short] += 1
    return counts
