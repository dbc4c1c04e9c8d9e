"""Triple differences: the third is between firms that an award can change and firms that it cannot."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.cell_effects import Asked, Change, cell_effects, changes
from evalkit.engine.paths import levels_of, sample_moments
from evalkit.errors import StudyError, did_you_mean
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cell_changes import Arms
from evalkit.stats.cohorts import always_treated
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year: a difference in differences less that of firms it cannot reach.

    Of each cohort and of the firms never supported there are two kinds: those at one level of a category, such as an
    eligible industry, on which the award can work, and all others. The difference in differences of the others shows
    what else happened to the cohort, and is taken off. Each cell compares one cohort with never-supported firms alone:
    with several comparison cohorts at once the two kinds would be mixed in other proportions.

    Parameters
    ----------
    category : str
        Category of the panel that tells the kinds apart.
    eligible : tuple of str
        Its levels at which the award can work; all other levels are compared with.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all.

    Assumes
    -------
    Without the award, the gap between the two kinds would have changed in the cohort as it did among firms never
    supported, with no earlier reaction than declared; the award has no effect on firms that are not eligible.

    Reference
    ---------
    Gruber (1994), American Economic Review 84(3); Olden and Moen (2022), Econometrics Journal 25(3), section 3;
    Ortiz-Villavicencio and Sant'Anna (2025), Better understanding triple differences estimators, section 4, on why
    not-yet-treated cohorts must not be pooled.
    """

    category: str
    eligible: tuple[str, ...]
    base: Literal["varying", "universal"] = "varying"

    def __post_init__(self) -> None:
        if not self.category or not self.eligible:
            raise ValueError("triple needs category, and the levels of it that are eligible")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            No cell has firms of both kinds on both sides (`E_NO_CONTROL`), or firms have no value of the category.
        StudyError
            Not a level of the category (`E_OPTION`).
        """
        panel = sample.panel
        levels = levels_of(panel, self.category)
        unknown = [level for level in self.eligible if level not in levels]
        if unknown or len(self.eligible) == len(levels):
            problem = (
                f"not a level of '{self.category}': {', '.join(unknown)}" if unknown else "no level is left to compare"
            )
            hint = did_you_mean(unknown[0], levels) if unknown else "name the eligible levels only"
            raise StudyError(problem, where="estimate.eligible", code="E_OPTION", hint=hint)
        whole = sample_moments(sample, (self.category,))
        moments, n_dropped = treatable(whole, panel.periods[0] + 1 + panel.anticipation)
        is_eligible = np.isin(np.asarray(moments.stratum), [levels.index(level) for level in self.eligible])
        asked = [
            Asked(change, _arms(change, moments, is_eligible))
            for change in changes(panel, np.unique(moments.cohort), self.base)
        ]
        found = cell_effects(sample, moments, asked, "triple")
        notes = (*always_treated(n_dropped), *found.notes)
        return dataclasses.replace(found, options=dataclasses.asdict(self), notes=notes)


def _arms(change: Change, moments: Moments, is_eligible: NDArray[np.bool_]) -> Arms:
    """Return cohort and controls of both kinds: (+, -) for the eligible, (-, +) for the others."""
    seen = moments.observed[:, change.at] & moments.observed[:, change.since]
    own, never = seen & (moments.cohort == change.cohort), seen & (moments.cohort == 0)
    return (
        (own & is_eligible, 1.0), (never & is_eligible, -1.0), (own & ~is_eligible, -1.0), (never & ~is_eligible, 1.0),
    )  # fmt: skip
