"""Regressions beside regressors of firms: solved from sums, then one pass for the influence of each firm.

Memory is that of a few blocks, whatever the number of firms.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.own_columns import OwnColumns
from evalkit.engine.paths import category_codes, grouped, map_paths_beside, path_bounds
from evalkit.errors import EstimationError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import small_sample
from evalkit.stats.limbs import MAGNITUDE_BITS
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine
from evalkit.stats.own_regressors import Own, OwnFit, fit_own
from evalkit.stats.regression import (
    Choice,
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
    covariance : {"clustered", "cr1", "homoskedastic"}
        See `stats.regression.regress`.

    Returns
    -------
    Moments, Regression
        Moments of the firms' influence on the K coefficients, and the regression whose influence is from them.

    Raises
    ------
    EstimationError
        Coefficients are not identified (`E_COLLINEAR`); a correction of residuals, or multipliers of firms
        (`E_OPTION`); all firms in one cluster (`E_CLUSTERS`).
    """
    fits = _fits(sample.panel, problem, own)
    if covariance == "homoskedastic":
        require_equal_weights(problem.moments)
        return problem.moments, homoskedastic(fits)
    _require_plain(
        sample.panel, problem.moments, sample.panel.inference.correction if covariance == "clustered" else covariance
    )
    moments = _second_pass(sample, own, fits)
    size = moments.total.shape[1] - 1
    influence = [np.eye(size, size + 1, 1)] * moments.n_groups
    scale, dof = zip(*(_small_sample(problem.moments, o, f) for o, f in enumerate(fits)), strict=True)
    factor = np.repeat(scale, [len(f.coefficient) for f in fits])
    estimate = np.concatenate([f.coefficient for f in fits])
    vcov = moments.covariance(influence) * np.outer(factor, factor)
    return moments, Regression(
        estimate, vcov, influence, np.repeat(dof, [len(f.coefficient) for f in fits]), factor
    )  # fmt: skip


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
    for place, key in enumerate(_keys(among)):
        known.setdefault(key, place)
    return np.array([known.get(key, -1) for key in _keys(groups)], dtype=np.int64)


def _keys(moments: Moments) -> list[tuple[int, int]]:
    stratum = np.zeros(moments.n_groups, np.int64) if moments.stratum is None else moments.stratum
    return list(zip(moments.cohort.tolist(), stratum.tolist(), strict=True))


def _require_plain(panel: Panel, moments: Moments, correction: Choice) -> None:
    """Refuse what would need more than the influence of firms."""
    chosen = chosen_correction(moments, correction)
    if chosen != "cr1" and not moments.n_second:
        raise EstimationError(
            f"residuals are not corrected ({chosen.upper()}) beside covariates of firms", where="covariance",
            code="E_OPTION", hint='inference.correction = "cr1" takes the plain factor; with few treated firms its '
            "intervals are too short",
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


def _second_pass(sample: MatchedSample, own: Own, fits: Sequence[OwnFit]) -> Moments:
    """Return the moments of the firms' influence on all coefficients; its clusters are those of the sample."""
    panel, weight, cohort = sample.panel, sample.weight, sample.panel.cohort
    columns, groups = OwnColumns(panel, own.names), grouped(sample, None, 1)
    stratum, _ = category_codes(panel, own.strata, "strata")
    scores, quantum = [_Score.of(columns, fit) for fit in fits], _influence_quantum(sample, fits)

    def kernel(y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> Partial:
        firms, values = slice(row, row + len(y)), columns.of(block)
        keys = np.stack([cohort[firms], np.zeros(len(y)) if stratum is None else stratum[firms]], axis=1)
        parts = zip(scores, columns.outcomes(y), strict=True)
        each = np.concatenate([score(part, values, keys.astype(np.int64)) for score, part in parts], axis=1)
        return block_moments(weight[firms], each, cohort[firms], quantum, groups.of(firms))

    return groups.taken_apart(combine(map_paths_beside(sample, columns.read, kernel), quantum))


def _influence_quantum(sample: MatchedSample, fits: Sequence[OwnFit]) -> Quantum:
    """Return what influence is rounded to.

    A firm's influence is at most the root of (X'X)^-1 times that of the sum of squares, after Cauchy and Schwarz: its
    own regressors and residuals are parts of both.
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
    return Quantum(np.zeros(len(largest) - 1), (MAGNITUDE_BITS - 2 - size).astype(np.int64))


@dataclasses.dataclass(frozen=True, eq=False)
class _Score:
    """Tells the influence of firms on the coefficients of one outcome.

    Parameters
    ----------
    columns : OwnColumns
    fit : OwnFit
    place : dict of (cohort, stratum) to int
        A group of the fit.
    """

    columns: OwnColumns
    fit: OwnFit
    place: dict[tuple[int, int], int]

    @classmethod
    def of(cls, columns: OwnColumns, fit: OwnFit) -> "_Score":
        """Find the groups by cohort and stratum."""
        return cls(columns, fit, {key: place for place, key in enumerate(_keys(fit.moments))})

    def __call__(
        self, y: NDArray[np.float64], values: NDArray[np.float64], keys: NDArray[np.int64]
    ) -> NDArray[np.float64]:  # fmt: skip
        """Return the influence (n, p) of firms at a weight of 1; 0 for those that do not count.

        Sums are made in the order of columns, so that equal firms get equal bits in every block.
        """
        fit, n_periods = self.fit, len(self.fit.seen)
        group = self._group(keys)
        table = self.columns.beside(y, values) - fit.moments.centre
        seen = ~np.isnan(table[:, :n_periods]) & fit.seen
        seen &= ((seen.sum(axis=1) >= 2) & (group >= 0))[:, None]
        table = np.where(np.isnan(table), 0.0, table)
        own = self._regressors(table)
        rest = table[:, :n_periods] - fit.fitted[group]
        for slope, (column, at) in zip(fit.slopes, own, strict=True):
            rest[:, at] -= slope * column
        rest = _within(rest, seen)
        found = np.zeros((len(y), len(fit.coefficient)))
        for lever, (column, at) in zip(fit.levers.T, own, strict=True):
            found += _row_sums(column * rest[:, at])[:, None] * lever
        for place in np.unique(group[group >= 0]):
            rows = np.flatnonzero(group == place)
            for t, path in enumerate(fit.path[place].T):
                found[rows] += rest[rows, t, None] * path
        return found

    def _group(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the group (n,) of each cohort and stratum (n, 2), -1 where it is not in the fit."""
        distinct, code = np.unique(keys, axis=0, return_inverse=True)
        places = [self.place.get((int(g), int(s)), -1) for g, s in distinct]
        return np.array(places, dtype=np.int64)[code.reshape(-1)]

    def _regressors(self, table: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], slice]]:
        """Return the regressors (n, periods) of firms in the order of the slopes, and the periods they are of."""
        n_periods, names = len(self.fit.seen), self.columns.names
        found = [
            (table[:, (1 + j) * n_periods : (2 + j) * n_periods], slice(None)) for j in range(len(names.time_varying))
        ]
        still = table[:, (1 + len(names.time_varying)) * n_periods :]
        return found + [
            (still[:, j : j + 1], slice(int(t), int(t) + 1))
            for j in range(len(names.baseline))
            for t in self.fit.periods
        ]


def _within(rest: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Take out the mean of each firm's periods (n, T) that count, 0 elsewhere."""
    rest = np.where(seen, rest, 0.0)
    mean = _row_sums(rest) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen, rest - mean[:, None], 0.0)


def _row_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
