"""Which firms can be compared at all: treated within the window, and never treated."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import KEPT

ALWAYS_TREATED, AFTER_WINDOW = "always_treated", "treated_after_window"


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
    """Firms that are still in the comparison, and why the others are not.

    Parameters
    ----------
    treated, control : (n_firms,) bool
        Firms treated within the window, and firms never treated, that are still in.
    reason : (n_firms,) object
        Why a firm is out, "" when it is in.
    """

    treated: NDArray[np.bool_]
    control: NDArray[np.bool_]
    reason: NDArray[np.object_]

    @property
    def rows(self) -> NDArray[np.intp]:
        """Row numbers of the firms that are still in."""
        return np.flatnonzero(self.treated | self.control)

    def drop(self, out: NDArray[np.bool_], reason: str) -> "Candidates":
        """Return the candidates without the firms in `out` (n_firms,), which get `reason` if they were still in."""
        leaving = out & (self.treated | self.control)
        if not leaving.any():
            return self
        reasons = self.reason.copy()
        reasons[leaving] = reason
        return Candidates(self.treated & ~leaving, self.control & ~leaving, reasons)

    def required(self) -> "Candidates":
        """Return the candidates as they are, or refuse when one side is empty.

        Raises
        ------
        DesignError
            `E_NO_TREATED` or `E_NO_CONTROL`.
        """
        if self.treated.any() and self.control.any():
            return self
        n_gone = int((self.reason == "missing_covariate").sum())
        why = f" ({n_gone} firms lack a covariate)" if n_gone else ""
        if not self.treated.any():
            raise DesignError(
                f"no treated firm to match{why}",
                code="E_NO_TREATED",
                hint="check the programme, the award dates and the first and last period",
            )
        raise DesignError(
            f"no never-treated firm to match with{why}",
            code="E_NO_CONTROL",
            hint="match with method 'none' and compare with firms that are not yet treated",
        )


def candidates(panel: Panel) -> Candidates:
    """Return the firms that can be matched: treated after the first and up to the last period, or never treated."""
    cohort = panel.cohort
    reason = np.full(len(cohort), KEPT, dtype=object)
    everyone = Candidates(cohort > 0, cohort == 0, reason)
    within = everyone.drop((cohort > 0) & (cohort <= panel.periods[0]), ALWAYS_TREATED)
    return within.drop(cohort > panel.periods[-1], AFTER_WINDOW)
