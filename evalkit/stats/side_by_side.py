"""Effects of groups that share no firm, as one table with its joint covariance."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evalkit.model.effects import CohortShares, Draws, Effects, Parts


def side_by_side(groups: Mapping[str, Effects]) -> Effects:
    """Put effects of disjoint and independent groups below each other; `group` says which one a row is of.

    Parameters
    ----------
    groups : dict of name to Effects
        By the same estimator. Method, outcomes and level are those of the first.

    Returns
    -------
    Effects
        Their covariance is block-diagonal, so contrasts of groups and averages over them have the right error. Notes
        that count firms are added up.
    """
    found = list(groups.values())
    tables = [effects.table.assign(group=name) for name, effects in groups.items()]
    table = pd.concat(tables, ignore_index=True)
    table["group"] = table["group"].astype("string")
    dof = np.concatenate([effects.row_dof for effects in found])
    return dataclasses.replace(
        found[0], table=table, vcov=_vcov([e.vcov for e in found]), dof=dof if np.isfinite(dof).any() else np.inf,
        shares=_shares(groups), parts=_parts(found), draws=_draws([e.draws for e in found]), notes=_notes(found),
        columns={o: max(e.columns.get(o, 0) for e in found) for e in found for o in e.columns},
        groups_apart=True,
    )  # fmt: skip


def _vcov(blocks: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the blocks on a diagonal; rows without a standard error have none with others either."""
    vcov = _diagonal(blocks)
    unknown = np.isnan(np.diag(vcov))
    vcov[unknown, :] = vcov[:, unknown] = np.nan
    return vcov


def _shares(groups: Mapping[str, Effects]) -> CohortShares | None:
    """Join the shares of cohorts, each cohort once for each group."""
    shares = [effects.shares for effects in groups.values()]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        return None
    names = [np.full(len(share.cohorts), name) for name, share in zip(groups, known, strict=True)]
    return CohortShares(
        np.concatenate([s.cohorts for s in known]), np.concatenate([s.mass for s in known]),
        np.concatenate([s.square for s in known]), _diagonal([s.cross for s in known]), np.concatenate(names),
    )  # fmt: skip


def _parts(found: Sequence[Effects]) -> Parts | None:
    """Join what parts of firms add to the covariance; a group without parts is one itself."""
    if all(effects.parts is None for effects in found):
        return None
    rows, start = sum(len(effects.table) for effects in found), 0
    vcov, n = [], []
    for effects in found:
        own = effects.parts
        if own is None:
            counts = effects.table[["n_treated", "n_control"]].sum(axis=1).to_numpy(dtype=np.int64)
            own = Parts(effects.vcov[None], counts[None])
        place = slice(start, start + len(effects.table))
        for part, firms in zip(own.vcov, own.n, strict=True):
            wide, counted = np.zeros((rows, rows)), np.zeros(rows, np.int64)
            wide[place, place], counted[place] = part, firms
            vcov.append(wide)
            n.append(counted)
        start = place.stop
    return Parts(np.array(vcov), np.array(n))


def _draws(draws: Sequence[Draws | None]) -> Draws | None:
    """Join bootstrap draws: the multiplier of a firm is its own, so the draws of groups are independent."""
    known = [one for one in draws if one is not None]
    if len(known) < len(draws):
        return None
    return Draws(
        np.concatenate([one.effects for one in known], axis=1), np.concatenate([one.shares for one in known], axis=1)
    )


def _notes(found: Sequence[Effects]) -> tuple[str, ...]:
    """Join caveats: those that count firms are added up, the others stand once."""
    told: dict[str, int | None] = {}
    for note in (note for effects in found for note in effects.notes):
        key, _, text = note.partition(":")
        name = key if text.isdecimal() else note
        told[name] = (told.get(name) or 0) + int(text) if text.isdecimal() else None
    return tuple(name if n is None else f"{name}:{n}" for name, n in told.items())


def _diagonal(blocks: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks), np.float64)
