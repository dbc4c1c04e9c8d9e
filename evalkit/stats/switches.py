"""Which comparisons of firms there are when support begins, ends and begins again."""

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["first_change", "every_change"]
Switchers = Literal["all", "joiners", "leavers"]


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Firms of some paths whose status changes, against firms of others with the same status before and no change.

    Parameters
    ----------
    event_time : int
        Periods since the change.
    sign : float
        1 where the status becomes supported, -1 where it ends.
    at, since : int
        Periods, as positions, between which outcomes are compared.
    until : int
        Last period in which the status is looked at.
    treated, control : (P,) bool
        Paths on each side.
    """

    event_time: int
    sign: float
    at: int
    since: int
    until: int
    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]


def first_switch(paths: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first period, as position, in which the status is not that of the first (P,); T where it never is."""
    changed = paths != paths[:, :1]
    return np.asarray(np.where(changed.any(axis=1), changed.argmax(axis=1), paths.shape[1]), np.int64)


def until_first_switch(paths: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the paths (P, T) as they would be if the status stayed as it is from its first change on."""
    later = np.arange(paths.shape[1]) >= first_switch(paths)[:, None]
    return np.asarray(paths[:, :1] ^ later)


def first_changes(paths: NDArray[np.bool_], anticipation: int, is_lasting: bool = False) -> Iterator[Comparison]:
    """Give the comparisons after, and the placebos before, the first change of status.

    Switchers of one status and period are compared with firms that began with the same status and have not changed it
    yet. The placebo of l periods looks back as far as the effect of l periods looks ahead, with the same firms.

    Parameters
    ----------
    paths : (P, T) bool
        Status in each period.
    anticipation : int
        Periods before a change in which firms may already react.
    is_lasting : bool
        Only switchers whose status stays what it became until the last period looked at.

    Reference
    ---------
    de Chaisemartin and D'Haultfoeuille (2024), Review of Economics and Statistics, equations 3 and 11.
    """
    n_periods, first = paths.shape[1], first_switch(paths)
    for status in (False, True):
        own = paths[:, 0] == status
        for start in np.unique(first[own & (first < n_periods)]).tolist():
            since = start - 1 - anticipation
            if since < 0:
                continue
            switchers, sign = own & (first == start), -1.0 if status else 1.0
            for at in range(since + 1, n_periods):
                control = own & (first > at + anticipation)
                stays = (paths[:, start : at + 1] != status).all(axis=1)
                treated = switchers & stays if is_lasting else switchers
                yield Comparison(at - start, sign, at, since, at, treated, control)
                back = since - (at - since)
                if back >= 0:
                    yield Comparison(back - start, sign, back, since, at, treated, control)


def every_change(paths: NDArray[np.bool_]) -> Iterator[Comparison]:
    """Give the comparisons of every change of status with firms of the same status that keep it, and their placebos.

    The placebo is of firms whose status was the same one period earlier too.

    Reference
    ---------
    de Chaisemartin and D'Haultfoeuille (2020), American Economic Review 110(9), theorem 3 and section 4.3.
    """
    for at in range(1, paths.shape[1]):
        for status in (False, True):
            before, sign = paths[:, at - 1] == status, -1.0 if status else 1.0
            moves, stays = before & (paths[:, at] != status), before & (paths[:, at] == status)
            yield Comparison(0, sign, at, at - 1, at, moves, stays)
            if at >= 2:
                earlier = paths[:, at - 2] == status
                yield Comparison(-2, sign, at - 2, at - 1, at, moves & earlier, stays & earlier)


def comparisons(
    paths: NDArray[np.bool_], kind: Kind, switchers: Switchers, anticipation: int = 0, is_lasting: bool = False
) -> list[Comparison]:  # fmt: skip
    """Return the comparisons with paths on both sides, by event time."""
    found = first_changes(paths, anticipation, is_lasting) if kind == "first_change" else every_change(paths)
    signs = {"all": (1.0, -1.0), "joiners": (1.0,), "leavers": (-1.0,)}[switchers]
    kept = [c for c in found if c.sign in signs and c.treated.any() and c.control.any()]
    return sorted(kept, key=lambda c: (c.event_time, -c.sign, c.at))


def change_of_status(paths: NDArray[np.bool_], comparison: Comparison) -> NDArray[np.float64]:
    """Return in how many periods, up to the last one looked at, the status is not that of the first (P,)."""
    return np.asarray((paths[:, : comparison.until + 1] != paths[:, :1]).sum(axis=1), np.float64)
