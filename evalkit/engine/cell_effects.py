"""Effects by award cohort and year that are sums of mean changes of some groups of firms: one read, exact sums."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import baseline_means
from evalkit.errors import DesignError
from evalkit.model.effects import CohortShares, Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cell_changes import Arms, Cell, CellChange, cell_change, cell_influence
from evalkit.stats.cohorts import caveats, cohort_shares, group_shares
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments

Solve = Callable[[Cell, Arms, Moments], CellChange]


@dataclasses.dataclass(frozen=True)
class Change:
    """One outcome's change from one period to another, for one cohort; `at` and `since` are columns of moments."""

    outcome: str
    cohort: int
    year: int
    start: int
    at: int
    since: int


def changes(
    panel: Panel, present: Iterable[int], base: Literal["varying", "universal"] = "universal"
) -> Iterator[Change]:  # fmt: skip
    """Give the changes that the periods allow, outcome by outcome, for the cohorts present (0 is skipped).

    Changes after the award start from the last period before it, less the declared anticipation; those before it from
    the same period ("universal"), or from the period before each ("varying").
    """
    first, last = panel.periods[0], panel.periods[-1]
    cohorts = [int(c) for c in present if 0 < c <= last]
    for o, outcome in enumerate(panel.outcomes):
        for cohort in cohorts:
            before = cohort - 1 - panel.anticipation
            for year in panel.periods:
                start = before if year > before or base == "universal" else year - 1
                if year != start and start >= first:
                    at, since = (o * len(panel.periods) + p - first for p in (year, start))
                    yield Change(outcome.name, cohort, year, start, at, since)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A change, the groups of firms it is made of, and the label of its part of the treated firms."""

    change: Change
    arms: Arms
    group: str | None = None

    def counts(self, moments: Moments) -> tuple[int, int]:
        """Return the firms of the smallest treated and of the smallest control group."""
        own = [(mask & (moments.cohort == self.change.cohort)).any() for mask, _ in self.arms]
        sizes = [int(moments.n[mask].sum()) for mask, _ in self.arms]
        treated = [n for n, is_own in zip(sizes, own, strict=True) if is_own]
        control = [n for n, is_own in zip(sizes, own, strict=True) if not is_own]
        return min(treated, default=0), min(control, default=0)


def cell_effects(
    sample: MatchedSample, moments: Moments, asked: Sequence[Asked], method: str, solve: Solve = cell_change
) -> Effects:
    """Return all cells that have firms in every group, with their joint covariance.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    moments : Moments
        Their groups.
    asked : sequence of Asked
        All cells.
    method : str
        What the effects are called.
    solve : callable
        Estimate and influence of a cell. Default: the signed sum of mean changes.

    Raises
    ------
    DesignError
        No cell has firms in all of its groups (`E_NO_CONTROL`).
    """
    use = [one for one in asked if min(one.counts(moments)) > 0 and all(mask.any() for mask, _ in one.arms)]
    if not use:
        raise DesignError(
            "no award cohort can be compared with unsupported firms", code="E_NO_CONTROL",
            hint="all groups of firms that are compared must be observed in the same periods",
        )  # fmt: skip
    cells = [Cell(one.change.at, one.change.since) for one in use]
    found = [solve(cell, one.arms, moments) for cell, one in zip(cells, use, strict=True)]
    influence = list(cell_influence(cells, found, moments))
    labels = _labels(sample, moments, use)
    level = sample.panel.inference.level
    estimate: NDArray[np.float64] = np.array([f.estimate for f in found])
    table, vcov = effects_table(labels, estimate, moments.covariance(influence), np.inf, level)
    return Effects(
        table=table, vcov=vcov, method=method, options={}, outcomes=sample.panel.outcomes, level=level,
        baseline=baseline_means(sample), notes=caveats(0, labels), shares=_shares(moments, use, influence),
    )  # fmt: skip


def _shares(moments: Moments, use: Sequence[Asked], influence: list[NDArray[np.float64]]) -> CohortShares:
    """Return the masses of cohorts, or of the groups of firms that they are parted into."""
    if any(one.group is None for one in use):
        cohorts = np.array(sorted({one.change.cohort for one in use}), dtype=np.int64)
        return cohort_shares(moments, cohorts, influence)
    parts: dict[tuple[int, str], NDArray[np.bool_]] = {}
    for one in use:
        mask = one.arms[0][0] & (moments.cohort == one.change.cohort)
        key = one.change.cohort, str(one.group)
        parts[key] = mask | parts.get(key, False)
    return group_shares(moments, [(*key, own) for key, own in sorted(parts.items(), key=lambda p: p[0])], influence)


def _labels(sample: MatchedSample, moments: Moments, use: Sequence[Asked]) -> dict[str, list[object]]:
    counts = [one.counts(moments) for one in use]
    labels: dict[str, list[object]] = {
        "outcome": [one.change.outcome for one in use],
        "estimand": [sample.estimand] * len(use),
        "cohort": [one.change.cohort for one in use],
        "year": [one.change.year for one in use],
        "event_time": [one.change.year - one.change.cohort for one in use],
        "n_treated": [n for n, _ in counts],
        "n_control": [n for _, n in counts],
    }
    if any(one.group is not None for one in use):
        labels["group"] = [one.group for one in use]
    return labels
