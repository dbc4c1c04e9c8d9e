"""Strata of treated firms and controls: who stays, and the weights that make controls count as the treated do."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.candidates import Candidates


@dataclasses.dataclass(frozen=True, eq=False)
class Strata:
    """Firms in strata that have both treated firms and controls.

    Parameters
    ----------
    kept : Candidates
        The firms that stay, and the reasons of the others.
    weight : (n_firms,) float64
        1 for a treated firm, treated firms per control of its stratum for a control, 0 for a firm that is out.
    subclass : (n_firms,) int32
        Number of the stratum, counting those that stay in the order of `stratum`; -1 for a firm that is out.
    """

    kept: Candidates
    weight: NDArray[np.float64]
    subclass: NDArray[np.int32]


def stratify(firms: Candidates, stratum: NDArray[np.int64], hint: str = "") -> Strata:
    """Keep the strata that have both groups, and weight their controls for the effect on the treated.

    Parameters
    ----------
    firms : Candidates
        Firms that are still in.
    stratum : (n_firms,) int64
        Stratum of each of them, numbered from 0; anything for the others.
    hint : str
        What to do when no stratum has both groups.

    Raises
    ------
    DesignError
        `E_NO_OVERLAP`: no stratum has both groups.

    Reference
    ---------
    Stuart (2010), Matching methods for causal inference, section 5.2 (weights by subclass).
    """
    rows = firms.rows
    own, is_treated = stratum[rows], firms.treated[rows]
    counts = np.bincount(own * 2 + is_treated, minlength=2 * int(own.max(initial=0)) + 2).reshape(-1, 2)
    n_control, n_treated = counts[:, 0], counts[:, 1]
    has_both = (n_treated > 0) & (n_control > 0)
    if not has_both.any():
        n_strata = int(((n_treated > 0) | (n_control > 0)).sum())
        raise DesignError(
            f"none of the {n_strata:,} cells has both treated firms and controls", code="E_NO_OVERLAP", hint=hint
        )
    worth = np.ones(counts.shape)
    np.divide(n_treated, n_control, out=worth[:, 0], where=has_both)
    worth[~has_both] = 0.0
    weight = np.zeros(len(stratum))
    weight[rows] = worth.ravel()[own * 2 + is_treated]
    number = np.where(has_both, np.cumsum(has_both) - 1, -1).astype(np.int32)
    subclass = np.full(len(stratum), -1, dtype=np.int32)
    subclass[rows] = number[own]
    out = weight == 0
    kept = firms.drop(out & firms.control, "no_treated_in_cell").drop(out & firms.treated, "no_control_in_cell")
    return Strata(kept, weight, subclass)


def equal_numbers(strata: Strata, key: NDArray[np.uint64]) -> Strata:
    """Keep as many treated firms as controls in each stratum, those with the smallest keys; all then have weight 1.

    Parameters
    ----------
    strata : Strata
        Each with both groups.
    key : (n_firms,) uint64
        Stable hash of firm and seed.
    """
    rows = strata.kept.rows
    group = strata.subclass[rows] * 2 + strata.kept.treated[rows]
    order = np.lexsort((key[rows], group))
    size = np.bincount(group)
    rank = np.empty(len(rows), dtype=np.int64)
    rank[order] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    fewest = size.reshape(-1, 2).min(axis=1)
    out = np.ones(len(strata.weight), dtype=bool)
    out[rows] = rank >= fewest[strata.subclass[rows]]
    treated_out = strata.kept.treated & out
    kept = strata.kept.drop(treated_out, "no_control_left").drop(out, "not_matched")
    return Strata(kept, np.where(out, 0.0, 1.0), np.where(out, -1, strata.subclass).astype(np.int32))
