"""Imputation of the untreated outcome after Borusyak, Jaravel and Spiess."""

import dataclasses

import numpy as np

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares, left_out
from evalkit.stats.imputed import imputed, imputed_labels, not_imputed, parts_by_cohort, with_errors
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
    are conservative: effects within a cohort and year are centred at their mean. With fewer than 50 supported firms
    residuals are corrected for what that mean and the year effects take out of them (CR2); on a balanced panel the
    correction is that of `extended_twfe`. The leave-out centring of the paper is the correction "cr3".

    Reference
    ---------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), theorem 2, section 4.3, and the
    supplement on leave-out estimates of the variance.
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
        found = with_errors(moments, parts, panel.inference.correction)
        cohorts = np.unique([c.cohort for c in cells]).astype(np.int64)
        labels = imputed_labels(sample, moments, parts)
        dof = found.dof if found.is_corrected else np.inf
        table, vcov = effects_table(labels, found.estimate, found.vcov, dof, panel.inference.level)
        draws, told = drawn(sample, moments, found.influence, cohorts)
        return Effects(
            table=table, vcov=vcov, method="imputation", options={}, outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws, dof=dof,
            parts=parts_by_cohort(moments, found),
            notes=(
                *caveats(n_dropped, labels, found.is_corrected), *left_out(moments, panel),
                *not_imputed(moments, parts), *told,
            ),
            columns={o.name: p.x.shape[2] for o, p in zip(panel.outcomes, parts, strict=True)},
            shares=cohort_shares(moments, cohorts, found.influence),
        )  # fmt: skip
