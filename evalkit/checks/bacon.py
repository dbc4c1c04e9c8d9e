"""What a two-way fixed-effects estimate compares."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import sample_moments
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.panel import Panel
from evalkit.stats.bacon import LATER, Comparison, cell_weights, decomposition
from evalkit.stats.cohorts import event_times, observed_of
from evalkit.stats.moments import Moments, cluster_sums
from evalkit.stats.regression import treatable
from evalkit.stats.within import fit

QUESTION = "Would one regression with firm and year effects compare supported firms with supported ones?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Decomposition of the two-way estimate into its comparisons, and the effects it counts negatively.

    With several award years, a regression with firm and year effects also compares later with earlier recipients, whose
    effects then enter with the wrong sign. The check tells how much of the estimate rests on that. It looks at firms
    observed in all periods, and says how many there are.

    Parameters
    ----------
    warn_above : float
        Largest share of comparisons with already supported firms that passes.

    Reference
    ---------
    Goodman-Bacon (2021), Journal of Econometrics 225(2); de Chaisemartin and D'Haultfoeuille (2020), American Economic
    Review 110(9).
    """

    warn_above: float = 0.10

    def __post_init__(self) -> None:
        if not 0 <= self.warn_above <= 1:
            raise ValueError("warn_above must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Decompose the estimate of the primary outcome."""
        panel = case.sample.panel
        whole, _ = treatable(sample_moments(case.sample), panel.periods[0] + 1 + panel.anticipation)
        place = next((i for i, o in enumerate(panel.outcomes) if o.primary), 0)
        is_always_seen: NDArray[np.bool_] = np.all(observed_of(whole, place, len(panel.periods)), axis=1)
        moments = whole.take(is_always_seen)
        is_treated = (moments.cohort > 0) & (moments.cohort <= panel.periods[-1])
        if not is_treated.any() or (is_treated.all() and len(np.unique(moments.cohort)) == 1):
            sentence = "No supported and comparison firms are observed in all years, so nothing can be decomposed."
            return CheckResult("bacon", QUESTION, "info", sentence, {"case": "not_balanced"})
        found = _comparisons(moments, panel, place)
        share = sum(c.weight for c in found if c.kind == LATER)
        negative = _negative_share(moments, panel, place)
        verdict: Verdict = "warn" if share > self.warn_above else "pass"
        sentence = (
            f"{share:.0%} of a two-way estimate would come from comparisons with firms already supported, and effects "
            f"with {negative:.0%} of all weight would count with the wrong sign."
        )
        values = {
            "case": verdict, "outcome": panel.outcomes[place].name, "warn_above": self.warn_above,
            "share_forbidden": share, "share_negative": negative,
            "n_firms": int(moments.n.sum()), "estimate": sum(c.weight * c.estimate for c in found),
        }  # fmt: skip
        rows = tuple(_row(c, moments) for c in sorted(found, key=lambda c: (c.kind, c.treated, c.control)))
        return CheckResult("bacon", QUESTION, verdict, sentence, values, share, rows)


def _comparisons(moments: Moments, panel: Panel, place: int) -> list[Comparison]:
    """Decompose over cohorts; those supported after the end count as never."""
    n_periods = len(panel.periods)
    cohort = np.where(moments.cohort > panel.periods[-1], 0, moments.cohort)
    columns = slice(1 + place * n_periods, 1 + (place + 1) * n_periods)
    mass = cluster_sums(cohort, moments.total[:, 0])
    mean = cluster_sums(cohort, moments.total[:, columns]) / mass[:, None]
    groups = np.unique(cohort)
    start = np.where(groups > 0, groups - panel.anticipation - panel.periods[0], n_periods)
    return decomposition(groups, mass, mean, start)


def _negative_share(moments: Moments, panel: Panel, place: int) -> float:
    """Return the sum of the negative weights over the sum of the absolute ones."""
    times, treated = event_times(moments, panel.periods)
    hit: NDArray[np.bool_] = treated[:, None] & (times >= -panel.anticipation)
    n_periods = len(panel.periods)
    design = hit[:, :, None].astype(np.float64)
    found = fit(moments, slice(place * n_periods, (place + 1) * n_periods), design, ["treated"])
    weights = cell_weights(found, moments.total[:, 0], hit)
    return float(np.abs(weights[weights < 0]).sum() / np.abs(weights).sum())


def _row(comparison: Comparison, moments: Moments) -> dict[str, Any]:
    sides = {"n_treated": comparison.treated, "n_control": comparison.control}
    counts = {name: int(moments.n[moments.cohort == cohort].sum()) for name, cohort in sides.items()}
    return {
        "kind": comparison.kind, "cohort": comparison.treated, "control_cohort": comparison.control,
        "estimate": comparison.estimate, "share": comparison.weight, **counts,
    }  # fmt: skip
