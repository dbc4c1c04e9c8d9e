"""Regressions beside regressors of firms: solved from sums, then one pass for the influence of each firm.

Memory is that of a few blocks, whatever the number of firms.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.own_columns import OwnColumns
from evalkit.engine.own_scores import Score, group_keys
from evalkit.engine.paths import category_codes, grouped, map_paths_beside, path_bounds
from evalkit.errors import EstimationError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import Correction, small_sample
from evalkit.stats.limbs import MAGNITUDE_BITS
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine, joined
from evalkit.stats.own_leverage import Tally, degrees, merged
from evalkit.stats.own_regressors import Own, OwnFit, fit_own
from evalkit.stats.regression import (
    Covariance,
    Design,
    Problem,
    Regression,
    chosen_correction,
    clusters_seen,
    homoskedastic,
    require_equal_weights,
)

ROUNDING = 2.0**-30
"""Residuals of an exact fit are rounding error, below this share of the range of the outcome."""
INFLUENCE_BITS = MAGNITUDE_BITS - 2
"""Binary digits of the largest influence, in units of what it is rounded to."""


def regress_own(
    sample: MatchedSample, problem: Problem, own: Own, covariance: Covariance = "clustered"
) -> tuple[Moments, Regression]:
    """Fit y_it = firm_i + period_t + z_ct' b + x_it' c for each outcome.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    problem : Problem
        What is asked of them.
    own : Own
        Regressors of firms.
    covariance : {"clustered", "cr1", "cr2", "cr3", "homoskedastic"}
        See `stats.regression.regress`.

    Returns
    -------
    Moments, Regression
        Moments of the firms' influence on the K coefficients, and the regression whose influence is from them.

    Raises
    ------
    EstimationError
        Coefficients are not identified (`E_COLLINEAR`); residuals of clusters above the firm corrected, or multipliers
        of firms (`E_OPTION`); all firms in one cluster (`E_CLUSTERS`).
    """
    fits = _fits(sample.panel, problem, own)
    if covariance == "homoskedastic":
        require_equal_weights(problem.moments)
        return problem.moments, homoskedastic(fits)
    chosen = chosen_correction(
        problem.moments, sample.panel.inference.correction if covariance == "clustered" else covariance
    )
    _require_plain(sample.panel, problem.moments, chosen)
    moments, tallies = _second_pass(sample, own, fits, chosen)
    n_effects = [len(f.coefficient) for f in fits]
    if chosen == "cr1":
        parts = zip(*(_small_sample(problem.moments, o, f) for o, f in enumerate(fits)), strict=True)
        scale, dof = (np.repeat(part, n_effects) for part in parts)
    else:
        scale, dof = np.ones(sum(n_effects)), np.concatenate(list(map(degrees, tallies, n_effects)))
    influence = [np.eye(len(scale), len(scale) + 1, 1)] * moments.n_groups
    vcov = moments.covariance(influence) * np.outer(scale, scale)
    estimate = np.concatenate([f.coefficient for f in fits])
    return moments, Regression(estimate, vcov, influence, dof, scale, chosen != "cr1")


def _fits(panel: Panel, problem: Problem, own: Own) -> list[OwnFit]:
    """Solve the regression of each outcome."""
    n_periods, fits = len(panel.periods), []
    for o, (moments, design) in enumerate(zip(own.moments, problem.designs, strict=True)):
        place = _places(moments, problem.moments)
        kept, place = moments.take(place >= 0), place[place >= 0]
        columns = slice(o * n_periods, (o + 1) * n_periods)
        left_out = (problem.moments.pattern & ~problem.moments.observed)[:, columns]
        seen: NDArray[np.bool_] = np.asarray(~left_out.any(axis=0))
        effects = None if design.effects is None else design.effects[place]
        here = Design(design.columns[place], design.names, effects)
        fits.append(fit_own(kept, own.names, here, seen, panel.periods))
    return fits


def _places(groups: Moments, among: Moments) -> NDArray[np.int64]:
    """Return where the first group of the same cohort and stratum is among others (C,), -1 where there is none."""
    known: dict[tuple[int, int], int] = {}
    for place, key in enumerate(group_keys(among)):
        known.setdefault(key, place)
    return np.array([known.get(key, -1) for key in group_keys(groups)], dtype=np.int64)


def _require_plain(panel: Panel, moments: Moments, correction: Correction) -> None:
    """Refuse what would need more than the influence of firms, or more than their own hat matrices."""
    if correction != "cr1" and moments.cluster is not None:
        raise EstimationError(
            f"residuals of clusters above the firm are not corrected ({correction.upper()}) beside covariates of firms",
            where="covariance", code="E_OPTION", hint='inference.correction = "cr1" takes the plain factor; with few '
            "treated clusters its intervals are too short",
        )  # fmt: skip
    if panel.inference.bootstrap != "none" and moments.cluster is None:
        raise EstimationError(
            "multipliers of firms are not drawn beside covariates of firms", where="inference.bootstrap",
            code="E_OPTION", hint='bootstrap = "none" takes the band in closed form',
        )  # fmt: skip


def _small_sample(moments: Moments, outcome: int, fit: OwnFit) -> tuple[float, float]:
    """Return the factor of influence, and the degrees of freedom."""
    n = clusters_seen(moments, outcome, len(fit.seen), fit.n_firms)
    return small_sample(n, fit.n_rows, len(fit.coefficient) + fit.n_periods), n - 1.0


def _second_pass(
    sample: MatchedSample, own: Own, fits: Sequence[OwnFit], correction: Correction
) -> tuple[Moments, list[Tally]]:
    """Return the moments of the firms' influence on all coefficients, and what degrees of freedom need of each outcome.

    Clusters are those of the sample. Degrees of freedom need nothing with CR1.
    """
    panel, weight, cohort = sample.panel, sample.weight, sample.panel.cohort
    columns, groups = OwnColumns(panel, own.names), grouped(sample, None, 1)
    stratum, _ = category_codes(panel, own.strata, "strata")
    scores, quantum = [Score.of(columns, fit, correction) for fit in fits], _influence_quantum(sample, fits)

    def kernel(y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> tuple[dict[int, Partial], list[Tally]]:
        firms, values = slice(row, row + len(y)), columns.of(block)
        keys = np.stack([cohort[firms], np.zeros(len(y)) if stratum is None else stratum[firms]], axis=1)
        parts = zip(scores, columns.outcomes(y), strict=True)
        found, own = zip(
            *(score(part, values, keys.astype(np.int64), weight[firms]) for score, part in parts), strict=True
        )
        each = np.concatenate(found, axis=1)
        level = _levels(weight[firms, None] * each, quantum)
        return {
            at: block_moments(
                np.where(level == at, weight[firms], 0.0), each, cohort[firms], _raised(quantum, at), groups.of(firms)
            )
            for at in np.unique(level).tolist()
        }, list(own)

    by_level: dict[int, list[Partial]] = {}
    tallies: list[Tally] = [{} for _ in fits]
    for partials, lots in map_paths_beside(sample, columns.read, kernel):
        for at, partial in partials.items():
            by_level.setdefault(at, []).append(partial)
        tallies = [merged(pair) for pair in zip(tallies, lots, strict=True)]
    moments = [combine(by_level[at], _raised(quantum, at)) for at in sorted(by_level)]
    return groups.taken_apart(joined([m for m in moments if m.n_groups])), tallies


def _levels(influence: NDArray[np.float64], quantum: Quantum) -> NDArray[np.int64]:
    """Return how many bits the influence of firms (n, K) is above what the quantum is for: 0, 8, 16 and so on.

    Only CR3 takes firms above 0, those that nearly determine a regressor.
    """
    share = np.ldexp(np.abs(influence), quantum.exponent[1:].astype(int) - INFLUENCE_BITS).max(axis=1)
    bits = np.frexp(share)[1].astype(np.int64)
    return np.asarray(np.maximum(-(-bits // 8) * 8, 0), np.int64)


def _raised(quantum: Quantum, bits: int) -> Quantum:
    """Return the quantum for influence that is larger by some bits."""
    return Quantum(quantum.centre, quantum.exponent - bits * (np.arange(len(quantum.exponent)) > 0))


def _influence_quantum(sample: MatchedSample, fits: Sequence[OwnFit]) -> Quantum:
    """Return what influence is rounded to.

    A firm's influence is at most the root of (X'X)^-1 times that of the sum of squares, after Cauchy and Schwarz: its
    own regressors and residuals are parts of both. So it is with CR2, whose residuals have the square r'(I - H)^-1 r:
    the sum of squares falls by it when the firm is left out.
    """
    low, high = path_bounds(sample.panel)
    width, heaviest = len(sample.panel.periods), float(sample.weight.max())
    reach = []
    for o, fit in enumerate(fits):
        columns = slice(o * width, (o + 1) * width)
        rounding = fit.n_rows * heaviest * (ROUNDING * (high[columns].max() - low[columns].min())) ** 2
        reach.append(np.sqrt(np.diag(fit.bread) * (fit.residual_square + rounding)))
    largest = np.concatenate([[heaviest], *reach])
    size = np.ceil(np.log2(np.where(largest > 0, largest, 1.0)))
    return Quantum(np.zeros(len(largest) - 1), (INFLUENCE_BITS - size).astype(np.int64))
