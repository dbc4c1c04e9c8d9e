"""Support that begins, ends and begins again, after de Chaisemartin and D'Haultfoeuille."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, labelled_moments
from evalkit.engine.statuses import Statuses, read_statuses
from evalkit.errors import DesignError, StudyError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.averages import averaged
from evalkit.stats.cluster import clusters_among
from evalkit.stats.cohorts import caveats
from evalkit.stats.inference import effects_table
from evalkit.stats.mean_contrasts import Contrasted, MeanContrast, contrast_means
from evalkit.stats.moments import Moments
from evalkit.stats.switches import Comparison, Kind, Switchers, change_of_status, comparisons


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect of support that may lapse or come again, by years since the firm's status first changed.

    A firm is supported in the years in which it has an award. "first_change" compares firms whose status changes for
    the first time with firms that began with the same status and still have it: an effect l years on is that of all
    that happened to the status since. "every_change" takes every change, first or not, and compares the year of the
    change with the year before it. Where support never ends, "first_change" is `group_time` against not-yet-treated
    firms.

    Parameters
    ----------
    changes : {"first_change", "every_change"}
        The first change of status, with the years since (DID_l); or every change, in its year (DID_M).
    switchers : {"all", "joiners", "leavers"}
        Firms whose support begins, those whose support ends (their effect with the opposite sign), or both.
    leads : int
        Most years before the change shown. Default: all that there are.
    lags : int
        Most years after that of the change. Default: all.
    normalised : bool
        Divide each effect of the first change by the mean number of years in which the status was changed: the effect
        per year of support.
    lasting : bool
        Only firms whose status stays what it became: an effect l years on is that of l + 1 years of support without a
        break, among the firms that had them. A break may itself come from how a firm did: these firms are then others
        than those whose support lapsed, and the assumption below must hold for them.

    Assumes
    -------
    Firms that began with the same status would have gone the same way had they kept it; no reaction before the declared
    anticipation; "every_change" also supposes that earlier support has no effect later.

    Reference
    ---------
    de Chaisemartin and D'Haultfoeuille (2020), American Economic Review 110(9), theorem 3; (2024), Review of Economics
    and Statistics, sections 3 and 4, on effects of several periods.
    """

    changes: Kind = "first_change"
    switchers: Switchers = "all"
    leads: int | None = None
    lags: int | None = None
    normalised: bool = False
    lasting: bool = False

    def __post_init__(self) -> None:
        if min(self.leads or 0, self.lags or 0) < 0:
            raise ValueError("leads and lags must not be negative")
        if self.normalised and self.changes == "every_change":
            raise ValueError("normalised is for the first change")
        if self.lasting and self.changes == "every_change":
            raise ValueError("lasting is for the first change")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all event times of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        StudyError
            The panel has no award path, or anticipation is asked for with "every_change" (`E_OPTION`).
        DesignError
            No firm's status changes while a comparable firm keeps its own (`E_NO_CONTROL`).
        EstimationError
            More paths of status than can be told apart (`E_TOO_LARGE`).
        """
        panel = sample.panel
        if self.changes == "every_change" and panel.anticipation:
            raise StudyError("anticipation is for the first change", where="changes", code="E_OPTION")
        is_whole = self.changes == "every_change" or self.normalised or self.lasting
        statuses = read_statuses(panel, is_whole=is_whole)
        moments = labelled_moments(sample, statuses.label)
        cells = list(self._cells(moments, panel, statuses))
        if not cells:
            raise DesignError(
                "no firm's support begins or ends while one with the same status before keeps it", code="E_NO_CONTROL"
            )
        found = contrast_means(moments, [cell.contrast for cell in cells], panel.inference.correction)
        weights, rows = self._weights(statuses, moments, cells)
        return self._effects(sample, moments, cells, found, weights, rows)

    def _cells(self, moments: Moments, panel: Panel, statuses: Statuses) -> Iterator["_Cell"]:
        """Give the comparisons asked for that have firms on both sides, outcome by outcome."""
        first = -np.inf if self.leads is None else -1 - panel.anticipation - self.leads
        last = np.inf if self.lags is None else self.lags
        asked = comparisons(statuses.paths, self.changes, self.switchers, panel.anticipation, self.lasting)
        for outcome in range(len(panel.outcomes)):
            for comparison in asked:
                cell = _cell(moments, panel.periods, outcome, comparison)
                if first <= comparison.event_time <= last and cell is not None:
                    yield cell

    def _weights(
        self, statuses: Statuses, moments: Moments, cells: list["_Cell"]
    ) -> tuple[NDArray[np.float64], list[list[int]]]:
        """Return the weight of each cell in each effect (rows, cells): switchers' share, and the cells of each row."""
        keys = [(cell.outcome, cell.comparison.event_time) for cell in cells]
        rows = [[k for k, own in enumerate(keys) if own == key] for key in dict.fromkeys(keys)]
        weights = np.zeros((len(rows), len(cells)))
        for r, members in enumerate(rows):
            mass = np.array([moments.total[cells[k].contrast.treated, 0].sum() for k in members])
            weights[r, members] = mass / mass.sum() * [cells[k].comparison.sign for k in members]
            if self.normalised:
                parts = [_changed(statuses, moments, cells[k]) for k in members]
                weights[r] *= mass.sum() / sum(parts)
        return weights, rows

    def _effects(
        self, sample: MatchedSample, moments: Moments, cells: list["_Cell"], found: Contrasted,
        weights: NDArray[np.float64], rows: list[list[int]],
    ) -> Effects:  # fmt: skip
        panel, n_cells = sample.panel, len(cells)
        labels = _labels(sample, moments, cells, rows)
        draws, told = drawn(sample, moments, found.influence, np.zeros(0, np.int64))
        blank, _ = effects_table(
            {"outcome": [panel.outcomes[c.outcome].name for c in cells], "n_treated": [1] * n_cells},
            found.estimate, found.vcov, found.dof, panel.inference.level,
        )  # fmt: skip
        of_cells = Effects(
            table=blank, vcov=found.vcov, method="switching", options=dataclasses.asdict(self),
            outcomes=panel.outcomes, baseline=baseline_means(sample), dof=found.dof, level=panel.inference.level,
            parts=found.parts, draws=draws, notes=(*caveats(0, labels, found.is_corrected), *told),
        )  # fmt: skip
        means = averaged(of_cells, weights)
        table, vcov = effects_table(
            labels, weights @ found.estimate, weights @ found.vcov @ weights.T, means.dof, panel.inference.level
        )
        return dataclasses.replace(means, table=table, vcov=vcov)


@dataclasses.dataclass(frozen=True, eq=False)
class _Cell:
    outcome: int
    comparison: Comparison
    contrast: MeanContrast


def _cell(moments: Moments, periods: tuple[int, ...], outcome: int, comparison: Comparison) -> _Cell | None:
    """Return a comparison of firms seen at both times, None where a side has none."""
    at, since = (outcome * len(periods) + j for j in (comparison.at, comparison.since))
    usable = moments.observed[:, at] & moments.observed[:, since]
    change = np.zeros(moments.observed.shape[1])
    change[at], change[since] = 1.0, -1.0
    path = np.asarray(moments.stratum)
    sides = [usable & side[path] for side in (comparison.treated, comparison.control)]
    if not all(side.any() for side in sides):
        return None
    return _Cell(outcome, comparison, MeanContrast(change, *sides))


def _changed(statuses: Statuses, moments: Moments, cell: _Cell) -> float:
    """Return the mass of the switchers of a cell times the years in which their status was changed."""
    own = cell.contrast.treated
    years = change_of_status(statuses.paths, cell.comparison)[np.asarray(moments.stratum)[own]]
    return float((moments.total[own, 0] * years).sum())


def _labels(
    sample: MatchedSample, moments: Moments, cells: list[_Cell], rows: list[list[int]]
) -> dict[str, list[object]]:  # fmt: skip
    """Return the labels of each effect; a firm that changes twice counts once."""
    treated = [np.any([cells[k].contrast.treated for k in members], axis=0) for members in rows]
    control = [np.any([cells[k].contrast.control for k in members], axis=0) for members in rows]
    return {
        "outcome": [sample.panel.outcomes[cells[members[0]].outcome].name for members in rows],
        "estimand": [sample.estimand] * len(rows),
        "event_time": [cells[members[0]].comparison.event_time for members in rows],
        "n_treated": [int(moments.n[own].sum()) for own in treated],
        "n_clusters": [clusters_among(moments, own) for own in treated],
        "n_control": [int(moments.n[own].sum()) for own in control],
    }
