"""Regressions beside regressors of firms: solved from sums, then a pass for the influence of each firm.

Memory is that of a few blocks, whatever the number of firms.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.multipliers import Values
from evalkit.engine.own_scores import Plain, Reader, group_keys
from evalkit.engine.paths import grouped, map_paths_beside, path_bounds, path_columns, paths
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import Correction, small_sample
from evalkit.stats.limbs import MAGNITUDE_BITS
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine, joined
from evalkit.stats.own_clusters import ClusterLeverage, cluster_grams
from evalkit.stats.own_leverage import Leverage, Tally, merged
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
) -> tuple[Moments, Regression, Values | None]:
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
    Moments, Regression, Values or None
        Moments of the firms' influence on the K coefficients, the regression whose influence is from them, and the
        influence itself, to be read again; none under equal variances.

    Raises
    ------
    EstimationError
        Coefficients are not identified (`E_COLLINEAR`); all firms in one cluster (`E_CLUSTERS`); too many sums for a
        correction (`E_TOO_LARGE`).
    """
    fits = _fits(sample.panel, problem, own)
    if covariance == "homoskedastic":
        require_equal_weights(problem.moments)
        return problem.moments, homoskedastic(fits), None
    chosen = chosen_correction(
        problem.moments, sample.panel.inference.correction if covariance == "clustered" else covariance
    )
    reader, n_effects = Reader.of(sample, own, fits), [len(f.coefficient) for f in fits]
    if chosen == "cr1":
        firms = _Influence(reader, [Plain(f) for f in fits])
        moments, _ = _second_pass(firms, fits)
        parts = zip(*(_small_sample(problem.moments, o, f) for o, f in enumerate(fits)), strict=True)
        scale, dof = (np.repeat(part, n_effects) for part in parts)
    else:
        levers = _leverages(reader, fits, chosen)
        firms = _Influence(reader, levers)
        moments, tallies = _second_pass(firms, fits)
        scale = np.ones(sum(n_effects))
        dof = np.concatenate([lever.degrees(tally) for lever, tally in zip(levers, tallies, strict=True)])
    return moments, _regression(moments, fits, scale, dof, chosen != "cr1"), firms.again()


def impute_own(sample: MatchedSample, fits: Sequence[OwnFit], own: Own) -> tuple[Moments, Regression, Values]:
    """Return imputed effects with their joint covariance, as `regress_own` returns those of regressions.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    fits : sequence of OwnFit
        Of each outcome, from `stats.imputed_beside`.
    own : Own
        Regressors of firms.
    """
    firms = _Influence(Reader.of(sample, own, fits), [Plain(f) for f in fits])
    moments, _ = _second_pass(firms, fits)
    n = sum(len(f.coefficient) for f in fits)
    return moments, _regression(moments, fits, np.ones(n), np.full(n, np.inf), is_corrected=False), firms.again()


def _regression(
    moments: Moments, fits: Sequence[OwnFit], scale: NDArray[np.float64], dof: NDArray[np.float64], is_corrected: bool
) -> Regression:  # fmt: skip
    """Return the coefficients of all outcomes with their covariance, from moments of the influence of firms."""
    influence = [np.eye(len(scale), len(scale) + 1, 1)] * moments.n_groups
    vcov = moments.covariance(influence) * np.outer(scale, scale)
    estimate = np.concatenate([f.coefficient for f in fits])
    return Regression(estimate, vcov, influence, dof, scale, is_corrected)


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


def _small_sample(moments: Moments, outcome: int, fit: OwnFit) -> tuple[float, float]:
    """Return the factor of influence, and the degrees of freedom."""
    n = clusters_seen(moments, outcome, fit.seen.shape[1], fit.n_firms)
    return small_sample(n, fit.n_rows, len(fit.coefficient) + fit.n_periods), n - 1.0


def _leverages(
    reader: Reader, fits: Sequence[OwnFit], correction: Correction
) -> Sequence[Leverage | ClusterLeverage]:  # fmt: skip
    """Return what each fit takes out of residuals; for clusters above the firm a pass adds up their products."""
    n_clusters = 0 if reader.cluster is None else int(reader.cluster.max()) + 1
    levers = [Leverage.of(fit, correction, n_clusters) for fit in fits]
    if not n_clusters:
        return levers

    def kernel(y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> list[Tally]:
        return [cluster_grams(lever, firms) for lever, firms in zip(levers, reader(y, block, row), strict=True)]

    grams: list[Tally] = [{} for _ in fits]
    for lots in map_paths_beside(reader.sample, reader.columns.read, kernel):
        grams = [merged(pair) for pair in zip(grams, lots, strict=True)]
    return [ClusterLeverage.of(lever, gram) for lever, gram in zip(levers, grams, strict=True)]


def _second_pass(firms: "_Influence", fits: Sequence[OwnFit]) -> tuple[Moments, list[Tally]]:
    """Return the moments of the firms' influence on all coefficients, and what degrees of freedom need of each outcome.

    Clusters are those of the sample.
    """
    reader, sample = firms.reader, firms.reader.sample
    groups, quantum = grouped(sample, None, 1), _influence_quantum(sample, fits)

    def kernel(y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> tuple[dict[int, Partial], list[Tally]]:
        rows, (each, tallies) = slice(row, row + len(y)), firms(y, block, row)
        weight, cohort = sample.weight[rows], sample.panel.cohort[rows]
        level = _levels(weight[:, None] * each, quantum)
        return {
            at: block_moments(np.where(level == at, weight, 0.0), each, cohort, _raised(quantum, at), groups.of(rows))
            for at in np.unique(level).tolist()
        }, tallies

    by_level: dict[int, list[Partial]] = {}
    tallies: list[Tally] = [{} for _ in fits]
    for partials, lots in map_paths_beside(sample, reader.columns.read, kernel):
        for at, partial in partials.items():
            by_level.setdefault(at, []).append(partial)
        tallies = [merged(pair) for pair in zip(tallies, lots, strict=True)]
    moments = [combine(by_level[at], _raised(quantum, at)) for at in sorted(by_level)]
    return groups.taken_apart(joined([m for m in moments if m.n_groups])), tallies


@dataclasses.dataclass(frozen=True, eq=False)
class _Influence:
    """Tells the influence of the firms of blocks."""

    reader: Reader
    levers: Sequence[Plain | Leverage | ClusterLeverage]

    def __call__(
        self, y: NDArray[np.float64], block: pa.RecordBatch, row: int
    ) -> tuple[NDArray[np.float64], list[Tally]]:
        """Return influence (n, K) at a weight of 1, and what degrees of freedom need of each outcome."""
        lots = zip(self.levers, self.reader(y, block, row), strict=True)
        found, tallies = zip(*(lever.scores(firms) for lever, firms in lots), strict=True)
        return np.concatenate(found, axis=1), list(tallies)

    def again(self) -> Values:
        """Return the influence as another pass finds it."""
        panel = self.reader.sample.panel

        def of(block: pa.RecordBatch, row: int) -> NDArray[np.float64]:
            return self(paths(panel, block), block, row)[0]

        return Values(self.reader.sample, [*path_columns(panel), *self.reader.columns.read], of)


def _levels(influence: NDArray[np.float64], quantum: Quantum) -> NDArray[np.int64]:
    """Return how many bits the influence of firms (n, K) is above what the quantum is for: 0, 8, 16 and so on.

    CR3 takes those above 0 that nearly determine a regressor, or whose cluster does.
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
