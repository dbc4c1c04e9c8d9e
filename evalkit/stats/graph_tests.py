"""Whether data agree with the independences that a causal graph implies."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def partial_association(first: NDArray[np.float64], second: NDArray[np.float64], given: NDArray[np.float64]) -> float:
    """Return the p-value that two variables are unrelated once others are held fixed, linearly.

    Parameters
    ----------
    first, second : (n, a), (n, b) float64
        Numbers have one column, categories one for each level but the first.
    given : (n, k) float64
        What is held fixed.

    Returns
    -------
    float
        Of Wilks' lambda between both sets of residuals, by Bartlett's approximation.

    Reference
    ---------
    Anderson (2003), An Introduction to Multivariate Statistical Analysis, section 9.4.
    """
    from scipy.stats import chi2

    n = len(first)
    base = np.column_stack([np.ones(n), given])
    q, _ = np.linalg.qr(base)
    x, y = (v - q @ (q.T @ v) for v in (first - first.mean(axis=0), second - second.mean(axis=0)))
    qx, qy = (np.linalg.qr(v[:, np.linalg.norm(v, axis=0) > 1e-9 * np.sqrt(n)])[0] for v in (x, y))
    if not qx.shape[1] or not qy.shape[1]:
        return 1.0
    share = np.clip(np.linalg.svd(qx.T @ qy, compute_uv=False) ** 2, 0.0, 1.0 - 1e-12)
    a, b = qx.shape[1], qy.shape[1]
    statistic = -(n - base.shape[1] - 0.5 * (a + b + 1)) * np.log1p(-share).sum()
    return float(chi2.sf(statistic, a * b))


def implications(
    parents: Mapping[str, Sequence[str]], order: Sequence[str], testable: Sequence[str]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the independences of the local Markov condition that can be tested.

    Each node is independent of earlier nodes that are not its parents, given its parents.

    Parameters
    ----------
    parents : dict of str to list of str
        Of each node.
    order : list of str
        Nodes so that parents come first.
    testable : list of str
        Nodes that are in the data; an implication that needs another node is left out.
    """
    found = []
    for place, node in enumerate(order):
        own = tuple(sorted(parents[node]))
        if node not in testable or not set(own) <= set(testable):
            continue
        found += [(node, other, own) for other in order[:place] if other in testable and other not in own]
    return found
