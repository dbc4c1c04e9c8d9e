"""Imputation of the untreated outcome after Borusyak, Jaravel and Spiess."""

import dataclasses

import numpy as np

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.imputed import imputed, imputed_labels, not_imputed, side_by_side
from evalkit.stats.inference import effects_table
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort and year from the award on: the outcome seen less the outcome imputed.

    Firm and year effects are fitted to the untreated firm-years alone; the outcome without the award is imputed from
    them, firm by firm. The most precise of all when untreated outcomes have equal variances and no serial correlation.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation. Standard errors
    are conservative: effects within a cohort and year are centred at their mean.

    Reference
    ---------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), theorem 2 and section 4.3.
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cell can be imputed (`E_NO_CONTROL`).
        EstimationError
            The untreated firm-years do not identify the year effects (`E_COLLINEAR`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        parts = [imputed(moments, panel, o) for o in range(len(panel.outcomes))]
        cells = [c for part in parts for c in part.cells]
        if not cells:
            raise DesignError("no supported firm-year can be imputed from unsupported ones", code="E_NO_CONTROL")
        influence = side_by_side(parts, moments, len(panel.periods))
        cohorts = np.unique([c.cohort for c in cells]).astype(np.int64)
        estimate = np.concatenate([part.estimate for part in parts])
        labels = imputed_labels(sample, moments, parts)
        table, vcov = effects_table(labels, estimate, moments.covariance(influence), np.inf, panel.inference.level)
        draws, told = drawn(sample, moments, influence, cohorts)
        return Effects(
            table=table, vcov=vcov, method="imputation", options={}, outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws,
            notes=(*caveats(n_dropped, labels), *not_imputed(moments, parts), *told),
            shares=cohort_shares(moments, cohorts, influence),
        )  # fmt: skip
