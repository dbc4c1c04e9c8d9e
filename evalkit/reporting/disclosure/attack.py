"""What an outsider can work out: the smallest and largest value of each hidden cell, given all that is shown.

One linear system over all tables of a report: hidden cells are the unknowns, each at least zero; every known sum is an
equation. Shown cells are constants.

Reference
---------
Hundepool et al. (2012), Statistical Disclosure Control, section 4.3.1: the attacker's problems.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DisclosureError
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.tables import Sum, Table, together

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TOLERANCE = 1e-6
"""By how much of a firm (or of a value's own size) the solver may miss a bound."""
SOLVED, UNBOUNDED = 0, 3
"""What the solver says."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """What an outsider knows of a hidden cell."""

    low: float
    high: float

    def covers(self, low: float, high: float) -> bool:
        """Say whether the interval reaches that far both ways, and is wider than zero."""
        slack = TOLERANCE * max(1.0, abs(high))
        return self.low <= low + slack and self.high >= high - slack and self.high - self.low > slack


@dataclasses.dataclass(frozen=True)
class Audit:
    """The attack on all tables of a report.

    Parameters
    ----------
    intervals : dict of name to Interval
        What an outsider knows of each cell that a rule hides. Not for publication.
    recovered : tuple of str
        Those of them that are known too well, in order.
    n_hidden, n_secondary : int
        Cells hidden, and those hidden only to protect others.
    """

    intervals: Mapping[str, Interval]
    recovered: tuple[str, ...]
    n_hidden: int
    n_secondary: int

    @property
    def is_passed(self) -> bool:
        """Say whether no cell that a rule hides can be worked out."""
        return not self.recovered


def wanted(value: float, profile: Profile) -> tuple[float, float]:
    """Return how low and how high an outsider must think a hidden count or total may be.

    From x (1 - p) to x (1 + p), at least one firm off either way, and up to the threshold, so that it may be a count
    that needs no hiding.
    """
    low, high = min(value * (1 - profile.margin), value - 1), max(value * (1 + profile.margin), value + 1)
    return max(0.0, low), max(high, float(profile.threshold))


def audit(tables: Iterable[Table], hidden: Set[str], profile: Profile) -> Audit:
    """Attack all tables of a report together.

    Parameters
    ----------
    tables : iterable of Table
        All of the report.
    hidden : set of str
        Cells that are not shown.
    profile : Profile
        `margin` and `threshold`.

    Raises
    ------
    DisclosureError
        A cell that a rule hides is shown.
    """
    whole = together(tables)
    hidden = hidden - whole.known
    if not whole.primary <= hidden:
        n_shown = len(whole.primary - hidden)
        raise DisclosureError(f"{n_shown} cells that a rule hides are shown", where="release")
    intervals = {n: i for names in _linked(whole, hidden) for n, i in _bounds(whole, names) if n in whole.primary}
    bad = sorted(n for n, i in intervals.items() if not i.covers(*wanted(whole.values[n], profile)))
    known = hidden & set(whole.values)
    return Audit(intervals, tuple(bad), len(known), len(known - whole.primary))


def matrix(sums: Iterable[Sum], names: list[str]) -> "csr_array":
    """Return the sums as rows over some cells (sums, cells): 1 at the total, -1 at its parts."""
    from scipy.sparse import csr_array

    place = {name: j for j, name in enumerate(names)}
    entries = [
        (r, place[name], sign)
        for r, one in enumerate(sums)
        for name, sign in ((one.total, 1.0), *((part, -1.0) for part in one.parts))
        if name in place
    ]
    rows, columns, signs = zip(*entries, strict=True) if entries else ((), (), ())
    n_rows = max(rows, default=-1) + 1
    return csr_array((np.array(signs, float), (rows, columns)), shape=(n_rows, len(names)))


def _linked(whole: Table, hidden: Set[str]) -> Iterator[list[str]]:
    """Return the hidden cells in parts that no sum links."""
    place = {name: j for j, name in enumerate(sorted(hidden & set(whole.values)))}
    head = list(range(len(place)))

    def first(j: int) -> int:
        while head[j] != j:
            head[j] = j = head[head[j]]
        return j

    for one in whole.sums:
        inside = [place[name] for name in one.cells if name in place]
        for j in inside[1:]:
            head[first(j)] = first(inside[0])
    parts: dict[int, list[str]] = {}
    for name, j in place.items():
        parts.setdefault(first(j), []).append(name)
    yield from parts.values()


def _bounds(whole: Table, names: list[str]) -> Iterator[tuple[str, Interval]]:
    """Return what an outsider knows of each cell that a rule hides, in one part of the hidden cells."""
    from scipy.optimize import linprog

    inside = set(names)
    sums = [one for one in whole.sums if inside & set(one.cells)]
    left = matrix(sums, names)
    right = left @ np.array([whole.values[name] for name in names], dtype=np.float64)
    for j, name in enumerate(names):
        if name not in whole.primary:
            continue
        ends: list[float] = []
        for sign in (1.0, -1.0):
            goal: NDArray[np.float64] = np.zeros(len(names))
            goal[j] = sign
            system = (left, right) if sums else (None, None)
            found = linprog(goal, A_eq=system[0], b_eq=system[1], bounds=(0, None), method="highs")
            if found.status not in (SOLVED, UNBOUNDED):
                raise DisclosureError("the audit of hidden cells has no answer", where="release")
            ends.append(sign * float(found.fun) if found.status == SOLVED else np.inf)
        yield name, Interval(max(0.0, ends[0]), ends[1])
