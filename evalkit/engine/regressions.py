"""From the regressions that an estimator asks for to its effects."""

from typing import Any

import numpy as np

from evalkit.engine.multipliers import drawn
from evalkit.engine.own_regressors import regress_own
from evalkit.engine.paths import baseline_means
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares, seen_once, years_without_comparison
from evalkit.stats.inference import effects_table
from evalkit.stats.own_regressors import own_caveats
from evalkit.stats.regression import Covariance, Design, Problem, regress


def regression_effects(
    sample: MatchedSample, problem: Problem, method: str, options: dict[str, Any], covariance: Covariance = "clustered"
) -> Effects:
    """Solve the regressions of all outcomes with their joint covariance.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    problem : Problem
        What is asked of them.
    method, options : str, dict
        The estimator.
    covariance : {"clustered", "cr1", "cr2", "cr3", "homoskedastic"}
        See `stats.regression.regress`.

    Raises
    ------
    EstimationError
        Coefficients are not identified (`E_COLLINEAR`); equal variances asked for with weights, or multipliers where
        there are none (`E_OPTION`); too many degenerate draws (`E_BOOTSTRAP`).
    """
    panel, own, moments, values = sample.panel, problem.own, problem.moments, None
    if own is None:
        found = regress(moments, problem.designs, covariance, panel.inference.correction)
    else:
        moments, found, values = regress_own(sample, problem, own, covariance)
    table, vcov = effects_table(problem.labels, found.estimate, found.vcov, found.dof, panel.inference.level)
    cohorts = np.array(problem.cohorts, dtype=np.int64)
    draws, told = drawn(sample, moments, found.influence, cohorts, found.scale, values)
    return Effects(
        table=table, vcov=vcov, method=method, options=options, outcomes=panel.outcomes,
        baseline=baseline_means(sample), dof=found.dof, level=panel.inference.level, draws=draws,
        shares=cohort_shares(moments, cohorts, found.influence) if len(cohorts) else None,
        notes=(*caveats(problem.n_dropped, problem.labels, found.is_corrected), *_notes(panel, problem), *told),
        columns={o.name: _n_columns(panel, problem, d) for o, d in zip(panel.outcomes, problem.designs, strict=True)},
    )  # fmt: skip


def _n_columns(panel: Panel, problem: Problem, design: Design) -> int:
    """Return the columns of an outcome's regression, beside firm effects."""
    effects = len(panel.periods) - 1 if design.effects is None else design.effects.shape[2]
    own = 0 if problem.own is None else problem.own.names.n_slopes(len(panel.periods) - 1)
    return int(design.columns.shape[2] + effects + own)


def _notes(panel: Panel, problem: Problem) -> tuple[str, ...]:
    """Return what a reader must know of the firm-years; only effects of cohorts leave out years without comparison."""
    years = years_without_comparison(problem.moments, panel) if problem.cohorts else ()
    return (*seen_once(problem.moments, panel), *years, *own_caveats(problem.own))
