"""What two firms must fulfil beside being near each other: limits on single covariates."""

import dataclasses
from typing import Any

from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Limit:
    """A limit on one variable: at most `width` apart, or different when `width` is None.

    Parameters
    ----------
    treated, control : (n_treated,), (n_control,) float64 or int32
        Values, or codes of a category.
    width : float or None
        Largest difference, in the variable's unit.
    """

    treated: NDArray[Any]
    control: NDArray[Any]
    width: float | None

    def allows(self, treated: int, control: int) -> bool:
        """Say whether two firms, given by position in their groups, may be a pair."""
        gap: float = abs(self.treated.item(treated) - self.control.item(control))
        return gap > 0 if self.width is None else gap <= self.width


@dataclasses.dataclass(frozen=True)
class Limits:
    """All limits of a match."""

    every: tuple[Limit, ...] = ()

    def allow(self, treated: int, control: int) -> bool:
        """Say whether two firms, given by position in their groups, may be a pair."""
        return all(limit.allows(treated, control) for limit in self.every)
