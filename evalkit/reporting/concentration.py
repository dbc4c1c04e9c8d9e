"""What one or two firms make of an evaluation: baseline means, averaged effects, weights and means of covariates.

The panel is read once, in blocks; only the two largest contributions and the sum of each average are kept.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.model.sample import MatchedSample
from evalkit.reporting.disclosure.count_tables import Label
from evalkit.reporting.disclosure.dominance import Contributions, fails_dominance, is_concentrated
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.stats.transforms import transform

if TYPE_CHECKING:
    import pyarrow as pa

Sizes = dict[Label, Contributions]
"""What makes each average."""
BASELINE = "baseline"


@dataclasses.dataclass(frozen=True)
class Concentration:
    """What is too concentrated to be shown.

    Parameters
    ----------
    effects : frozenset of (outcome, by, level)
        Averaged effects that one or two supported firms make.
    baselines : frozenset of str
        Outcomes whose mean before the award one or two supported firms make.
    covariates : frozenset of str
        Covariates of which a group's mean is made by one or two firms.
    is_weighted_on_few : bool
        Whether one or two comparison firms carry the weight of all.
    """

    effects: frozenset[Label] = frozenset()
    baselines: frozenset[str] = frozenset()
    covariates: frozenset[str] = frozenset()
    is_weighted_on_few: bool = False


def concentration(sample: MatchedSample, profile: Profile) -> Concentration:
    """Ask all rules on contributions about a sample."""
    found: Sizes = {}
    for part in contributions(sample):
        for label, sizes in part.items():
            found[label] = found.get(label, Contributions()).and_also(sizes)
    baselines = {o for (o, by, _), s in found.items() if by == BASELINE and fails_dominance(s, profile)}
    effects = {label for label, s in found.items() if label[1] != BASELINE and is_concentrated(s, profile)}
    few = is_concentrated(Contributions.of(sample.control_weight), profile)
    return Concentration(frozenset(effects), frozenset(baselines), _covariates(sample, profile), few)


def contributions(sample: MatchedSample) -> Iterator[Sizes]:
    """Yield the contributions of each block's supported firms."""
    panel = sample.panel
    counts = (panel.cohort > 0) & (sample.weight > 0)
    columns = list(dict.fromkeys(c for o in panel.outcomes for c in panel.columns_of(o)))

    def kernel(block: "pa.RecordBatch", row: int) -> Sizes:
        import pyarrow as pa

        chosen = np.flatnonzero(counts[row : row + block.num_rows])
        rows = block.take(pa.array(chosen))
        weight, cohort = sample.weight[row + chosen], panel.cohort[row + chosen]
        found: Sizes = {}
        for outcome in panel.outcomes:
            columns = [rows.column(c).to_numpy(zero_copy_only=False) for c in panel.columns_of(outcome)]
            levels = np.column_stack(columns).astype(np.float64)
            firms = _Firms(outcome.name, weight, cohort, np.array(panel.periods), panel.anticipation)
            found |= firms.baseline(levels) | firms.effects(transform(levels, outcome.transform))
        return found

    yield from map_blocks(panel, columns, kernel)


@dataclasses.dataclass(frozen=True, eq=False)
class _Firms:
    """Supported firms of a block: weight (n,), cohort (n,)."""

    outcome: str
    weight: NDArray[np.float64]
    cohort: NDArray[np.int32]
    periods: NDArray[np.int64]
    anticipation: int

    def baseline(self, levels: NDArray[np.float64]) -> Sizes:
        """Return contributions to the mean level in the last period before the award."""
        return {(self.outcome, BASELINE, None): Contributions.of(self.weight * self._before(levels))}

    def effects(self, paths: NDArray[np.float64]) -> Sizes:
        """Return contributions to averaged effects: weight times change since the last period before the award."""
        change = self.weight[:, None] * (paths - self._before(paths)[:, None])
        event_time = self.periods[None, :] - self.cohort[:, None]
        after = event_time >= 0
        seen = np.isfinite(change) & after
        n_seen = seen.sum(axis=1)
        mean = np.where(n_seen > 0, np.where(seen, change, 0.0).sum(axis=1) / np.maximum(n_seen, 1), np.nan)
        found: Sizes = {(self.outcome, "overall", None): Contributions.of(mean)}
        for c in np.unique(self.cohort).tolist():
            own = self.cohort == c
            found[self.outcome, "cohort", c] = Contributions.of(mean[own])
            for j, year in enumerate(self.periods.tolist()):
                if year >= c:
                    found[self.outcome, "cell", (c, year)] = Contributions.of(change[own, j])
        for j, year in enumerate(self.periods.tolist()):
            found[self.outcome, "year", year] = Contributions.of(change[after[:, j], j])
        for e in np.unique(event_time[after]).tolist():
            found[self.outcome, "event_time", e] = Contributions.of(change[event_time == e])
        return found

    def _before(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values (n,) in the last period before the award, NaN where there is none."""
        place = self.cohort - 1 - self.anticipation - self.periods[0]
        inside = (place >= 0) & (place < len(self.periods))
        return np.where(inside, values[np.arange(len(values)), np.where(inside, place, 0)], np.nan)


def _covariates(sample: MatchedSample, profile: Profile) -> frozenset[str]:
    """Return the numeric covariates of which a mean of either group, before or after matching, is dominated."""
    panel, weight = sample.panel, sample.weight
    numeric = [c.name for c in panel.covariates if c.kind == "number"]
    found = set()
    for name in numeric:
        values: NDArray[Any] = panel.read([name]).column(0).to_numpy()
        for arm in (panel.cohort > 0, panel.cohort == 0):
            for own in (values[arm], (weight * values)[arm]):
                if fails_dominance(Contributions.of(own), profile):
                    found.add(name)
    return frozenset(found)
