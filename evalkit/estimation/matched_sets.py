"""Difference-in-differences of matched sets after Imai, Kim and Wang."""

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.engine.paths import baseline_means, clusters, path_columns, paths
from evalkit.errors import DesignError
from evalkit.model.effects import CohortShares, Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats
from evalkit.stats.inference import effects_table
from evalkit.stats.set_changes import CohortSets, SetEffect, covariance, set_effect, sorted_sum


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year: each supported firm's change less that of its own matched set.

    Changes are since the last year before the award (before firms may anticipate it). Each cell is the mean over the
    cohort's firms. It is the estimator of samples in which a firm may serve several cohorts and be supported itself
    later (`panel_path`); in any other sample all never-supported firms with their weights are the set of each supported
    firm. Standard errors are clustered by firm and take the matching as given: they count how much the changes of firms
    scatter around the mean of their side, not that other firms might have been chosen.

    Parameters
    ----------
    leads : int
        Years after the award. Default: all.
    placebo : int
        Years before the base year. Default: all.

    Assumes
    -------
    Without the award, each firm would have changed as its matched set did, and no firm reacted earlier than the
    declared anticipation. Controls that get an award later count until then if they are censored; if not, the effect is
    that of an award now against an award later or never.

    Reference
    ---------
    Imai, Kim and Wang (2023), Matching methods for causal inference with time-series cross-sectional data, American
    Journal of Political Science 67(3), equation 8.
    """

    takes_sets: ClassVar[bool] = True

    leads: int | None = None
    placebo: int | None = None

    def __post_init__(self) -> None:
        if min(self.leads or 0, self.placebo or 0) < 0:
            raise ValueError("leads and placebo must be 0 or more")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            No supported firm and control of its set are both observed (`E_NO_CONTROL`).
        """
        panel = sample.panel
        early = (panel.cohort > 0) & (panel.cohort <= panel.periods[0] + panel.anticipation) & (sample.weight > 0)
        found = [cohort for sets in _cohort_sets(sample) if (cohort := self._cohort(sample, sets)).cells]
        if not found:
            raise DesignError(
                "no supported firm is observed together with a control of its matched set", code="E_NO_CONTROL",
                hint="ask for fewer lags or a wider caliper, or for future = \"censor\" in panel_path",
            )  # fmt: skip
        cluster, n_second = clusters(panel)
        vcov = covariance([(f.sets.firms, f.influence) for f in found], cluster, n_second)
        order = _by_outcome(found)
        labels = _labels(sample, found, order)
        estimate = np.array([e.estimate for f in found for e in f.effects])[order]
        table, vcov = effects_table(labels, estimate, vcov[np.ix_(order, order)], np.inf, panel.inference.level)
        shares = _shares(found)
        return Effects(
            table=table, vcov=vcov, method="matched_sets", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), notes=caveats(int(early.sum()), labels), level=panel.inference.level,
            shares=dataclasses.replace(shares, cross=shares.cross[order]),
        )  # fmt: skip

    def _cohort(self, sample: MatchedSample, sets: CohortSets) -> "_Cohort":
        """Estimate the cells of one cohort."""
        panel, periods = sample.panel, sample.panel.periods
        since = sets.cohort - 1 - panel.anticipation
        y = _paths_of(panel, sets.firms)
        first = periods[0] if self.placebo is None else since - self.placebo
        last = periods[-1] if self.leads is None else sets.cohort + self.leads
        cells, effects = [], []
        for o in range(len(panel.outcomes)):
            own = y[:, o * len(periods) : (o + 1) * len(periods)]
            for year in (p for p in periods if first <= p <= last and p != since):
                effect = set_effect(sets, own[:, year - periods[0]] - own[:, since - periods[0]], year)
                if effect is not None:
                    cells.append((o, year))
                    effects.append(effect)
        return _Cohort(sets, cells, effects)


@dataclasses.dataclass(frozen=True, eq=False)
class _Cohort:
    """The cells (outcome, year) of one cohort that could be estimated."""

    sets: CohortSets
    cells: list[tuple[int, int]]
    effects: list[SetEffect]

    @property
    def influence(self) -> NDArray[np.float64]:
        return np.stack([e.influence for e in self.effects], axis=1)


def _cohort_sets(sample: MatchedSample) -> Iterator[CohortSets]:
    """Give the matched sets cohort by cohort; firms whose weight is 0 are left out of them."""
    panel, weight = sample.panel, sample.weight
    first, last = panel.periods[0] + 1 + panel.anticipation, panel.periods[-1]
    is_in = (weight > 0) & (panel.cohort >= first) & (panel.cohort <= last)
    for cohort in np.unique(panel.cohort[is_in]).tolist():
        treated = np.flatnonzero(is_in & (panel.cohort == cohort))
        if sample.sets is None:
            control = np.flatnonzero((weight > 0) & (panel.cohort == 0))
            where = np.zeros(len(treated), np.int64), np.zeros(len(control), np.int64)
            shares, until = weight[control], np.full(len(control), last)
        else:
            owner, control, shares, until = (sample.sets[name].to_numpy() for name in sample.sets.column_names)
            counts = (weight[owner] > 0) & (panel.cohort[owner] == cohort)
            counts &= (weight[control] > 0) | (panel.cohort[control] > 0)
            control, shares, until = control[counts], shares[counts], until[counts]
            where = np.arange(len(treated)), np.searchsorted(treated, owner[counts])
        yield CohortSets(int(cohort), treated, control, *where, weight[treated], shares, until)


def _paths_of(panel: Panel, firms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the outcomes of some firms, given by sorted row, on their scales (n, outcomes x periods)."""

    def kernel(block: pa.RecordBatch, row: int) -> NDArray[np.float64]:
        low, high = np.searchsorted(firms, [row, row + block.num_rows])
        return paths(panel, block.take(pa.array(firms[low:high] - row)))

    return np.concatenate(list(map_blocks(panel, path_columns(panel), kernel)))


def _by_outcome(found: list[_Cohort]) -> NDArray[np.intp]:
    """Return the order of all cells by outcome, then cohort and year."""
    outcome = [o for f in found for o, _ in f.cells]
    return np.argsort(outcome, kind="stable")


def _labels(sample: MatchedSample, found: list[_Cohort], order: NDArray[np.intp]) -> dict[str, list[object]]:
    rows = [(o, f.sets.cohort, year, e) for f in found for (o, year), e in zip(f.cells, f.effects, strict=True)]
    rows = [rows[i] for i in order]
    return {
        "outcome": [sample.panel.outcomes[o].name for o, *_ in rows],
        "estimand": [sample.estimand] * len(rows),
        "cohort": [cohort for _, cohort, *_ in rows],
        "year": [year for *_, year, _ in rows],
        "event_time": [year - cohort for _, cohort, year, _ in rows],
        "n_treated": [e.n_treated for *_, e in rows],
        "n_control": [e.n_control for *_, e in rows],
    }


def _shares(found: list[_Cohort]) -> CohortShares:
    """Return the masses of cohorts and their covariance with all cells: a later cohort's firms may be controls too."""
    mass, square, cross = [], [], []
    for own in found:
        weight = own.sets.treated_weight
        mass.append(sorted_sum(weight))
        square.append(sorted_sum(weight**2))
        column = []
        for f in found:
            _, at, mine = np.intersect1d(f.sets.firms, own.sets.treated, assume_unique=True, return_indices=True)
            column += [sorted_sum(e.influence[at] * weight[mine]) for e in f.effects]
        cross.append(column)
    cohorts = np.array([f.sets.cohort for f in found], dtype=np.int64)
    return CohortShares(cohorts, np.array(mass), np.array(square), np.array(cross).T)
