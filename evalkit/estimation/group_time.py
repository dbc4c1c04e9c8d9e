"""Group-time effects after Callaway and Sant'Anna."""

import dataclasses
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year, against firms not supported by then.

    Each cell is a difference of mean changes: the cohort's change since the period before its award, less the change
    of the comparison firms over the same periods. Firms observed in both periods count. No cell uses an already
    supported firm as a comparison, so effects may differ between cohorts and grow over time.

    Parameters
    ----------
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all. Cells after the
        award always start from the last period before it.

    Assumes
    -------
    Without the award, the cohort would have changed as the comparison firms did, and no firm reacted earlier than the
    declared anticipation.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), equations 2.8 and 2.9 without covariates.
    """

    comparison: Literal["never_treated", "not_yet_treated"] = "never_treated"
    base: Literal["varying", "universal"] = "varying"

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cell has both supported and comparison firms (`E_NO_CONTROL`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        cells = [c for c in self._cells(panel, moments) if c.in_treated.any() and c.in_control.any()]
        if not cells:
            raise DesignError(
                "no award cohort can be compared with unsupported firms", code="E_NO_CONTROL",
                hint="comparison = \"not_yet_treated\" uses later cohorts until their own award",
            )  # fmt: skip
        solved = [_solve(c, moments) for c in cells]
        cohorts = np.array(sorted({c.cohort for c in cells}), dtype=np.int64)
        influence = list(_influence(cells, solved, moments))
        estimate = np.array([s.estimate for s in solved])
        labels = _labels(cells, sample.estimand, moments)
        table, vcov = effects_table(labels, estimate, moments.covariance(influence), np.inf, 0.95)
        return Effects(
            table=table, vcov=vcov, method="group_time", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), notes=caveats(n_dropped, labels),
            shares=cohort_shares(moments, cohorts, influence),
        )  # fmt: skip

    def _cells(self, panel: Panel, moments: Moments) -> "Iterator[_Cell]":
        first, last = panel.periods[0], panel.periods[-1]
        cohorts = [int(c) for c in np.unique(moments.cohort) if 0 < c <= last]
        for o, outcome in enumerate(panel.outcomes):
            for cohort in cohorts:
                before = cohort - 1 - panel.anticipation
                for year in panel.periods:
                    start = before if year > before or self.base == "universal" else year - 1
                    if year == start or start < first:
                        continue
                    at, since = (o * len(panel.periods) + p - first for p in (year, start))
                    seen = moments.observed[:, at] & moments.observed[:, since]
                    control = self._comparison(moments.cohort, cohort, max(year, start) + panel.anticipation)
                    yield _Cell(
                        outcome.name, cohort, year, at, since, seen & (moments.cohort == cohort), seen & control
                    )

    def _comparison(self, cohort: NDArray[np.int64], own: int, until: int) -> NDArray[np.bool_]:
        """Say which groups other than the cohort's `own` are untreated through `until`."""
        untreated: NDArray[np.bool_] = cohort == 0
        if self.comparison == "not_yet_treated":
            untreated = untreated | ((cohort > until) & (cohort != own))
        return untreated


@dataclasses.dataclass(frozen=True, eq=False)
class _Cell:
    """One cohort and year: columns of the two periods, and which groups are on each side."""

    outcome: str
    cohort: int
    year: int
    at: int
    since: int
    in_treated: NDArray[np.bool_]
    in_control: NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class _Solved:
    estimate: float
    scale: NDArray[np.float64]
    mean: NDArray[np.float64]


def _solve(cell: _Cell, moments: Moments) -> _Solved:
    """Compare mean changes; keep each group's share in the influence: psi_i = scale * w_i * (change_i - mean)."""
    change = moments.total[:, cell.at + 1] - moments.total[:, cell.since + 1]
    scale, mean = np.zeros(moments.n_groups), np.zeros(moments.n_groups)
    sides = []
    for members, sign in ((cell.in_treated, 1.0), (cell.in_control, -1.0)):
        mass = moments.total[members, 0].sum()
        average = change[members].sum() / mass
        scale[members], mean[members] = sign / mass, average
        sides.append(average)
    return _Solved(float(sides[0] - sides[1]), scale, mean)


def _influence(cells: list[_Cell], solved: list[_Solved], moments: Moments) -> Iterator[NDArray[np.float64]]:
    """Yield for each group the matrix A (cells, D + 1) with the firm's influence A v."""
    k = len(cells)
    scale, mean = np.array([s.scale for s in solved]), np.array([s.mean for s in solved])
    at, since = np.array([c.at for c in cells]) + 1, np.array([c.since for c in cells]) + 1
    for group in range(moments.n_groups):
        a = np.zeros((k, moments.total.shape[1]))
        a[np.arange(k), at] = scale[:, group]
        a[np.arange(k), since] -= scale[:, group]
        a[:, 0] = -scale[:, group] * mean[:, group]
        yield a


def _labels(cells: list[_Cell], estimand: str, moments: Moments) -> dict[str, list[object]]:
    return {
        "outcome": [c.outcome for c in cells],
        "estimand": [estimand] * len(cells),
        "cohort": [c.cohort for c in cells],
        "year": [c.year for c in cells],
        "event_time": [c.year - c.cohort for c in cells],
        "n_treated": [int(moments.n[c.in_treated].sum()) for c in cells],
        "n_control": [int(moments.n[c.in_control].sum()) for c in cells],
    }
