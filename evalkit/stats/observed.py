"""One outcome of all firms at hand."""

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True, eq=False)
class Observed:
    """One outcome of all firms.

    Parameters
    ----------
    y : (n, T) float64
        Outcome on its scale, NaN where not observed.
    weight : (n,) float64
        Weights, 0 for firms that are out.
    cohort : (n,) int32
        Cohorts, 0 for never treated.
    periods : tuple of int
        The T periods.
    anticipation : int
        Periods before the award in which firms may already react.
    """

    y: NDArray[np.float64]
    weight: NDArray[np.float64]
    cohort: NDArray[np.int32]
    periods: tuple[int, ...]
    anticipation: int

    @property
    def cohorts(self) -> list[int]:
        """Treated cohorts that have a base period and an award within the periods."""
        found = np.unique(self.cohort[self.weight > 0]).tolist()
        return [g for g in found if self.periods[0] + 1 + self.anticipation <= g <= self.periods[-1]]

    def take(self, rows: NDArray[np.intp]) -> "Observed":
        """Return some of the firms."""
        return dataclasses.replace(self, y=self.y[rows], weight=self.weight[rows], cohort=self.cohort[rows])

    def at(self, period: int) -> NDArray[np.float64]:
        """Return the values (n,) of one period."""
        return self.y[:, period - self.periods[0]]
