"""Triple differences: eligible and other firms, before and after, where the programme came and where it did not."""

import dataclasses

import numpy as np

from evalkit.engine.levels import has_level
from evalkit.engine.paths import baseline_means, labelled_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable
from evalkit.stats.triple_changes import Combination, combined, triple_changes
from evalkit.stats.year_cells import Base, Comparison, YearCell, cohorts_of, year_cells, year_labels


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect on eligible firms by cohort and year, less what happened to firms of the cohort that could not apply.

    The cohort is the year in which the programme was opened where a firm is, in its prefecture for example, and firms
    that are not eligible have it too. Each cell is the difference in differences of eligible firms (the cohort's change
    since the period before, less that of a comparison cohort) less the same of the others. What happens to all firms
    of a cohort, and what happens to all eligible firms, cancels.

    Comparison cohorts are compared with one by one and their answers are combined; a pool of cohorts with different
    shares of eligible firms would give a wrong answer even when all paths are as assumed.

    Parameters
    ----------
    eligible : str
        Covariate that says which firms can be supported: a category, or a number that is 0 or 1.
    levels : tuple of str
        Levels of the category that are eligible.
    comparison : {"never_treated", "not_yet_treated"}
        Cohorts compared with: the one that the programme never came to, or also later ones, until their own year.
    combination : {"efficient", "firms"}
        How answers from several comparison cohorts are combined: with the least variance, or by their firms.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all.

    Assumes
    -------
    Without the award, the gap between the changes of eligible and other firms would have been the same in the cohort
    and in the comparison cohort; other firms gain and lose nothing by it, and no firm reacted earlier than declared.

    Reference
    ---------
    Ortiz-Villavicencio and Sant'Anna (2025), Better understanding triple differences estimators, arXiv 2505.09942v3,
    sections 3.2 and 4, equations 2.2, 3.7 and 4.12; Olden and Moen (2022), Econometrics Journal 25(3).
    """

    eligible: str
    levels: tuple[str, ...] = ()
    comparison: Comparison = "never_treated"
    combination: Combination = "efficient"
    base: Base = "varying"

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        UnknownNameError, StudyError
            `eligible` is not a covariate of the panel, or `levels` do not fit it.
        DesignError
            No cell has eligible and other firms on both sides (`E_NO_CONTROL`).
        EstimationError
            Comparisons have no best combination (`E_COLLINEAR`).
        """
        panel, level = sample.panel, sample.panel.inference.level
        is_eligible = has_level(panel, self.eligible, self.levels)
        everyone = labelled_moments(sample, is_eligible.astype(np.int64))
        moments, n_dropped = treatable(everyone, panel.periods[0] + 1 + panel.anticipation)
        asked = year_cells(panel, np.unique(moments.cohort), self.comparison, self.base)
        changes = triple_changes([c.contrast for c in asked], moments)
        if not changes:
            raise _nothing_to_compare(moments)
        found = combined(changes, moments, self.combination)
        cells = [asked[k] for k in found.cells]
        labels = year_labels(cells, found.counts, sample.estimand)
        table, vcov = effects_table(labels, found.estimate, found.vcov, np.inf, level)
        supported = dataclasses.replace(moments, cohort=np.where(moments.stratum == 1, moments.cohort, 0))
        return Effects(
            table=table, vcov=vcov, method="triple", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(dataclasses.replace(sample, weight=np.where(is_eligible, sample.weight, 0.0))),
            shares=cohort_shares(supported, cohorts_of(cells), found.influence), level=level,
            notes=(*caveats(n_dropped, labels), *_left_out(asked, cells)),
        )  # fmt: skip


def _left_out(asked: list[YearCell], cells: list[YearCell]) -> tuple[str, ...]:
    """Tell how many cohorts lack one of the four groups in all years."""
    n = len({c.contrast.cohort for c in asked} - {c.contrast.cohort for c in cells})
    return (f"cohorts_not_compared:{n}",) if n else ()


def _nothing_to_compare(moments: Moments) -> DesignError:
    """Say which kind of firm is absent where."""
    treated, eligible = moments.cohort > 0, moments.stratum == 1
    kinds = {
        "eligible firms in a cohort": treated & eligible, "other firms in a cohort": treated & ~eligible,
        "eligible firms in no cohort": ~treated & eligible, "other firms in no cohort": ~treated & ~eligible,
    }  # fmt: skip
    counts = ", ".join(f"{int(moments.n[members].sum()):,} {kind}" for kind, members in kinds.items())
    return DesignError(
        f"no cohort and comparison cohort both have eligible and other firms in the years compared ({counts})",
        where="eligible", code="E_NO_CONTROL",
        hint="firms that are not eligible need the year in which the programme came to their place as their cohort; "
        'comparison = "not_yet_treated" uses later cohorts until their own year',
    )  # fmt: skip
