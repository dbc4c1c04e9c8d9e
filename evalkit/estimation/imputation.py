"""Imputation of the untreated outcome after Borusyak, Jaravel and Spiess."""

import dataclasses

import numpy as np

from evalkit.engine.imputed import impute
from evalkit.engine.multipliers import drawn
from evalkit.engine.own_columns import Controls
from evalkit.engine.paths import baseline_means
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.imputed import each_cell, parts_by_cohort
from evalkit.stats.inference import effects_table


@dataclasses.dataclass(frozen=True)
class Method(Controls):
    """Effect for each award cohort and year from the award on: the outcome seen less the outcome imputed.

    Firm and year effects are fitted to the untreated firm-years alone; the outcome without the award is imputed from
    them, firm by firm. The most precise of all when untreated outcomes have equal variances and no serial correlation.
    Slopes of covariates are fitted to the untreated firm-years too; a firm-year is imputed where all are observed.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation. Standard errors
    are conservative: effects within a cohort and year are centred at their mean. With fewer than 50 supported firms
    residuals are corrected for what that mean and the year effects take out of them (CR2); on a balanced panel the
    correction is that of `extended_twfe`. The leave-out centring of the paper is the correction "cr3". Beside
    covariates there is no correction: fewer than 50 supported firms are refused unless "cr1" is asked for.

    Reference
    ---------
    Borusyak, Jaravel and Spiess (2024), Review of Economic Studies 91(6), theorem 2, section 4.3, and the
    supplement on leave-out estimates of the variance.
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Beside covariates a second read tells the influence of firms.

        Raises
        ------
        DesignError
            No cell can be imputed (`E_NO_CONTROL`).
        EstimationError
            The untreated firm-years do not identify the year effects or the slopes of covariates (`E_COLLINEAR`); a
            correction of residuals beside covariates (`E_OPTION`).
        """
        panel = sample.panel
        done = impute(sample, self, each_cell)
        moments, found, labels = done.moments, done.found, done.labels
        cohorts = np.unique(np.array(labels["cohort"], dtype=np.int64))
        dof = found.dof if found.is_corrected else np.inf
        table, vcov = effects_table(labels, found.estimate, found.vcov, dof, panel.inference.level)
        draws, told = drawn(sample, moments, found.influence, cohorts, values=done.values)
        return Effects(
            table=table, vcov=vcov, method="imputation", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws, dof=dof,
            parts=parts_by_cohort(moments, found), columns=done.columns,
            notes=(*caveats(done.n_dropped, labels, found.is_corrected), *done.notes, *told),
            shares=cohort_shares(moments, cohorts, found.influence),
        )  # fmt: skip
