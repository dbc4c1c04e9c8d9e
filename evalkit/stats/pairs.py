"""From pairs of firms to weights and matched sets: written once for every method that makes pairs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Column = Sequence[Any] | NDArray[Any]


def pair_table(
    treated: Column = (), control: Column = (), distance: Column = (), subclass: Column = (), order: Column = ()
) -> "pa.Table":
    """Return the pairs table of a `MatchedSample`; without arguments, the empty one."""
    import pyarrow as pa

    return pa.table({
        "treated": pa.array(treated, pa.int64()), "control": pa.array(control, pa.int64()),
        "distance": pa.array(distance, pa.float64()), "subclass": pa.array(subclass, pa.int32()),
        "order": pa.array(order, pa.int32()),
    })  # fmt: skip


def pair_weights(
    treated: NDArray[np.int64], control: NDArray[np.int64], n_firms: int
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the weight and matched set of each firm that pairs imply for the effect on the treated.

    Parameters
    ----------
    treated, control : (n_pairs,) int64
        Row numbers of the two firms of each pair.
    n_firms : int
        Number of firms in the panel.

    Returns
    -------
    weight : (n_firms,) float64
        1 for a treated firm with a control. A control gets 1/k for each treated firm it serves that has k controls.
    subclass : (n_firms,) int32
        Matched sets numbered by the row of their treated firm; -1 for firms in no set, or controls in several.

    Reference
    ---------
    Stuart (2010), Matching methods for causal inference, section 5.1 (analysis after k:1 matching).
    """
    weight = np.zeros(n_firms)
    subclass = np.full(n_firms, -1, dtype=np.int32)
    matched, matched_set, n_controls = np.unique(treated, return_inverse=True, return_counts=True)
    weight[matched] = 1.0
    subclass[matched] = np.arange(len(matched))
    weight += np.bincount(control, 1.0 / n_controls[matched_set], n_firms)
    n_served = np.bincount(control, minlength=n_firms)
    alone = n_served[control] == 1
    subclass[control[alone]] = matched_set[alone]
    return weight, subclass
