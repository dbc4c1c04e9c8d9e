"""What each firm was awarded."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.sample import MatchedSample


@dataclasses.dataclass(frozen=True, eq=False)
class Doses:
    """A sample whose treated firms all have a dose.

    Parameters
    ----------
    sample : MatchedSample
        Treated firms without a positive dose have weight 0.
    dose : (n_firms,) float64
        Dose of firms treated within the periods in the unit asked for, 0 for all others.
    n_unknown : int
        Treated firms that were left out.
    """

    sample: MatchedSample
    dose: NDArray[np.float64]
    n_unknown: int

    @property
    def treated(self) -> NDArray[np.float64]:
        """Doses of the treated firms in the sample (n_treated,)."""
        return self.dose[(self.dose > 0) & (self.sample.weight > 0)]

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats by key."""
        return (f"unknown_dose:{self.n_unknown}",) if self.n_unknown else ()


def doses(sample: MatchedSample, unit: float, first_untreated: int) -> Doses:
    """Read the doses of a sample's treated firms and leave out those without one.

    Parameters
    ----------
    sample : MatchedSample
        Of a panel with a dose.
    unit : float
        Doses are divided by this.
    first_untreated : int
        First cohort that counts; those after the last period are not treated in the panel and need no dose.

    Raises
    ------
    DesignError
        The panel has no dose (`E_NO_DOSE`); no treated firm has one (`E_NO_TREATED`); all have the same
        (`E_NO_VARIANCE`).
    """
    panel = sample.panel
    if not panel.dose:
        raise DesignError(
            "the panel does not say how much firms were awarded", where="treatment.dose", code="E_NO_DOSE",
            hint="set dose = true under [treatment]; the awards need a column of amounts",
        )  # fmt: skip
    given = panel.read([panel.dose]).column(0).to_numpy(zero_copy_only=False).astype(np.float64)
    counts = (panel.cohort >= first_untreated) & (panel.cohort <= panel.periods[-1]) & (sample.weight > 0)
    known = counts & np.isfinite(given) & (given > 0)
    n_unknown = int((counts & ~known).sum())
    if not known.any():
        raise DesignError(
            f"none of {n_unknown:,} treated firms has a positive dose", where=panel.dose, code="E_NO_TREATED"
        )
    if np.ptp(given[known]) == 0:
        raise DesignError(
            "all treated firms have the same dose, so doses cannot be compared", where=panel.dose,
            code="E_NO_VARIANCE", hint="estimate one effect for all, with \"group_time\" for example",
        )  # fmt: skip
    kept = dataclasses.replace(sample, weight=np.where(counts & ~known, 0.0, sample.weight))
    return Doses(kept, np.where(known, given / unit, 0.0), n_unknown)
