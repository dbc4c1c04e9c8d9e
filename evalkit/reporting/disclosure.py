"""Which numbers may leave: minimum counts, and second cells that keep a hidden one from being recomputed."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from evalkit.errors import EvalkitError
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Number, Row, distinct_names

DIGITS = 10
"""Significant digits of a published number: fewer than differ between numerical libraries."""


class Ledger:
    """Collects the numbers of a release, each under its own id.

    Parameters
    ----------
    threshold : int
        Fewest distinct firms behind a published number.
    """

    def __init__(self, threshold: int) -> None:
        self.threshold = threshold
        self._numbers: dict[str, Number] = {}
        self._concealed: set[int] = set()
        self._shown: set[int] = set()

    def conceal(self, hidden: Iterable[int], shown: Iterable[int]) -> None:
        """Hide some counts of the flow wherever they come up from now on: what one table hides, no other may show."""
        self._concealed |= {n for n in hidden if n >= self.threshold}
        self._shown |= set(shown)

    def is_concealed(self, count: Any) -> bool:  # noqa: ANN401
        """Say whether a count is one that another table hides."""
        return count in self._concealed

    def tells(self, total: int) -> bool:
        """Say whether a total is one that the flow hides, or differs from one it shows by a small count of firms."""
        return self.is_concealed(total) or any(0 < abs(total - n) < self.threshold for n in self._shown - {total})

    def small(self, *counts: Any) -> bool:  # noqa: ANN401
        """Say whether any count is above zero and below the threshold, or not known."""
        return any(not known(c) or 0 < c < self.threshold for c in counts)

    def put(self, number: Number, *, hide: bool = False) -> str | None:
        """Write a number down and return its id; None when its value is not known.

        Raises
        ------
        EvalkitError
            The id is taken (`E_INTERNAL`): two numbers of a report must never share one.
        """
        if number.id in self._numbers:
            raise EvalkitError("two numbers have the same id", where=number.id)
        if not known(number.value):
            return None
        hide = hide or (number.unit == "count" and self.is_concealed(number.value))
        value = None if hide else _rounded(number.value)
        self._numbers[number.id] = dataclasses.replace(number, value=value)
        return number.id

    @property
    def n_hidden(self) -> int:
        """How many numbers are hidden so far."""
        return sum(n.value is None for n in self._numbers.values())

    @property
    def numbers(self) -> dict[str, Number]:
        """All numbers in order of ids."""
        return dict(sorted(self._numbers.items()))


def known(value: Any) -> bool:  # noqa: ANN401
    """Say whether a value is neither missing nor infinite."""
    if value is None or isinstance(value, str):
        return value is not None
    try:
        return math.isfinite(value)
    except TypeError:
        return False


def _rounded(value: Any) -> float | int | str:  # noqa: ANN401
    if isinstance(value, str):
        return value
    plain = getattr(value, "item", lambda: value)()
    return plain if isinstance(plain, int) else float(f"{plain:.{DIGITS}g}")


def named(items: Sequence[Any]) -> list[tuple[str, Any]]:
    """Give each estimate or check the name of its method; the second one of a method is called "<method>-2"."""
    methods = [item.method.replace("/", "-") if isinstance(item, Effects) else item.name for item in items]
    return list(zip(distinct_names(methods), items, strict=True))


def row_of(labels: dict[str, Any], ids: dict[str, str | None]) -> Row:
    """Return a row without the quantities that are not known."""
    return Row(labels, {quantity: i for quantity, i in ids.items() if i is not None})


def part_of_id(name: str) -> str:
    """Return a name without the dot that separates the parts of an id."""
    return name.replace("%", "%25").replace(".", "%2E")


def second_cells(counts: Sequence[int], hidden: Sequence[bool], threshold: int) -> list[bool]:
    """Hide more cells of a table with a published total, so that no hidden one follows by subtraction.

    Parameters
    ----------
    counts : sequence of int
        Firms of each cell.
    hidden : sequence of bool
        Cells hidden by the minimum count.
    threshold : int
        Fewest firms.

    Returns
    -------
    list of bool
        At least two cells with together at least `threshold` firms are hidden, or all, or none at all; the smallest
        ones are taken.
    """
    chosen = list(hidden)
    for i in sorted(range(len(counts)), key=lambda i: (counts[i], i)):
        taken = [n for n, is_hidden in zip(counts, chosen, strict=True) if is_hidden]
        if not taken or (len(taken) > 1 and sum(taken) >= threshold):
            break
        chosen[i] = True
    return chosen
