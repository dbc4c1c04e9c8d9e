"""The numbers of one release, shown or hidden."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from evalkit.errors import EvalkitError
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Number, Row, distinct_names
from evalkit.reporting.disclosure.counts import known, too_few
from evalkit.reporting.disclosure.hiding import NOTHING, Hiding
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.rounding import rounded

DIGITS = 10
"""Significant digits of a published number: fewer than differ between numerical libraries."""


class Ledger:
    """Collects the numbers of a release, each under its own id.

    Parameters
    ----------
    profile : Profile
        The rules.
    hiding : Hiding
        What the tables of the report together leave hidden.
    """

    def __init__(self, profile: Profile, hiding: Hiding = NOTHING) -> None:
        self.profile, self.threshold, self.hiding = profile, profile.threshold, hiding
        self._numbers: dict[str, Number] = {}
        self._cells: dict[str, str] = {}
        self._tells: dict[str, frozenset[str]] = {}
        self._exact: dict[str, float] = {}
        self._told: set[str] = set()
        self._concealed: set[int] = set()
        self._shown: set[int] = set()

    def conceal(self, hidden: Iterable[int], shown: Iterable[int]) -> None:
        """Hide some counts of the flow wherever they come up from now on: what one table hides, no other may show."""
        self._concealed |= {n for n in hidden if n >= self.threshold}
        self._shown |= set(shown)

    def is_concealed(self, count: Any) -> bool:  # noqa: ANN401
        """Say whether a count is one that another table hides."""
        return count in self._concealed

    def tell(self, cells: Iterable[str]) -> None:
        """Take down cells that stand nowhere and follow from what is shown."""
        self._told |= set(cells)

    def tells(self, total: int) -> bool:
        """Say whether a total is one that the flow hides, or differs from one it shows by a small count of firms."""
        return self.is_concealed(total) or any(0 < abs(total - n) < self.threshold for n in self._shown - {total})

    def small(self, *counts: Any) -> bool:  # noqa: ANN401
        """Say whether any count is above zero and below the threshold, or not known."""
        return any(too_few(c, self.threshold) for c in counts)

    def hides(self, number_id: str) -> bool:
        """Say whether a number that was written down is hidden."""
        return number_id in self._numbers and self._numbers[number_id].value is None

    def put(
        self, number: Number, *, hide: bool = False, cell: str = "", tells: Iterable[str] = ()
    ) -> str | None:  # fmt: skip
        """Write a number down and return its id; None when its value is not known.

        Parameters
        ----------
        number : Number
            With its exact value; counts are rounded where the profile says so.
        hide : bool
            Whether a rule hides it.
        cell : str
            The cell of the report's tables that it is, if it is one. A count that no table holds is a cell of its own.
        tells : iterable of str
            Cells that would follow from it, as both counts do from their share: it is hidden where one of them is.

        Raises
        ------
        EvalkitError
            The id is taken (`E_INTERNAL`): two numbers of a report must never share one.
        """
        if number.id in self._numbers:
            raise EvalkitError("two numbers have the same id", where=number.id)
        if not known(number.value):
            return None
        cell = cell or (own_cell(number.id) if number.unit == "count" else "")
        self._cells[number.id] = cell
        self._tells[number.id] = told = frozenset([cell, *tells]) - {""}
        if number.unit == "count":
            self._exact[number.id] = float(number.value or 0)
        hide = hide or not told.isdisjoint(self.hiding.counts)
        hide = hide or (number.unit == "count" and self.is_concealed(number.value))
        value = None if hide else as_written(self._as_told(number, cell))
        self._numbers[number.id] = dataclasses.replace(number, value=value)
        return number.id

    def _as_told(self, number: Number, cell: str) -> Any:  # noqa: ANN401
        """Return the value as the profile rounds it."""
        if number.unit != "count" or self.profile.rounding == "none":
            return number.value
        return self.rounded(round(float(number.value or 0)), cell)

    def rounded(self, count: int, cell: str) -> int:
        """Return a count as the profile rounds it: as all numbers of its cell tell it."""
        return self.hiding.rounded.get(cell, rounded(count, self.profile))

    @property
    def n_hidden(self) -> int:
        """How many numbers are hidden so far."""
        return sum(n.value is None for n in self._numbers.values())

    @property
    def numbers(self) -> dict[str, Number]:
        """All numbers in order of ids."""
        return dict(sorted(self._numbers.items()))

    @property
    def shown_cells(self) -> frozenset[str]:
        """The cells that at least one number shows or tells."""
        told = (self._tells[n.id] for n in self._numbers.values() if n.value is not None)
        return frozenset(self._told).union(*told)

    def counts_of(self, ids: Iterable[str]) -> dict[str, float]:
        """Return the cells that some counts are, with the counts as they were found."""
        return {self._cells[i]: self._exact[i] for i in sorted(ids)}


def own_cell(number_id: str) -> str:
    """Return the name of the cell of a count that no table holds."""
    return f"number.{number_id}"


def as_written(value: Any) -> float | int | str:  # noqa: ANN401
    """Return a value as a number of a report holds it: plain, with as many digits as are told."""
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
