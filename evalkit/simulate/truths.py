"""What an estimate should find of an effect that was planted: row by row, and averaged as the estimate averages it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.model.study import MethodSpec
from evalkit.simulate.stand_ins import Paths, effect_at
from evalkit.stats.aggregate import weights_of, within_whole

OTHER_EFFECT = ("ratio", "switching", "triple")
"""Estimators of something else than the mean change of supported firms on the outcome's scale: the growth of totals,
the effect of a status that may end, and that on the eligible firms of places."""


def is_planted_effect(spec: MethodSpec) -> bool:
    """Whether an estimator, or the one that it asks of each group, estimates the effect that is planted."""
    asked = spec.options.get("estimator", spec.method)
    return asked not in OTHER_EFFECT and _own(spec.options).get("read") != "marginal"


def _own(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options of the estimator itself, which another one may ask of each group."""
    found: Mapping[str, Any] = options.get("options", options)
    return found


def overall_truth(effects: Effects, sample: MatchedSample, paths: Paths) -> NDArray[np.float64]:
    """Return the planted effect (outcomes,) averaged over rows as `aggregate(effects, "overall")` averages estimates.

    A row with cohort and year, or with an event time, is told the effect of that year since the award. A row with a
    cohort alone is a mean over the years that its estimator takes, a row without any the mean over all supported
    firm-years, by their weight.
    """
    within = within_whole(effects.table)
    if within.any():
        effects = effects.take(np.flatnonzero(~within))
    table = effects.table
    cohort, year, time = (
        table[name].fillna(-1).to_numpy(dtype=np.int64, na_value=-1) for name in ("cohort", "year", "event_time")
    )
    planted = np.zeros(len(table))
    for name in dict.fromkeys(table["outcome"]):
        own = np.flatnonzero((table["outcome"] == name).to_numpy(dtype=bool))
        path = paths[name]
        has_time = table["event_time"].notna().to_numpy(dtype=bool)[own]
        elapsed = np.where(year[own] >= 0, year[own] - cohort[own], time[own])
        planted[own] = effect_at(path, elapsed)
        for row in own[~has_time]:
            planted[row] = _mean(path, sample, int(cohort[row]), _own(effects.options).get("after"))
    return np.asarray(weights_of(effects) @ planted, np.float64)


def _mean(path: NDArray[np.float64], sample: MatchedSample, cohort: int, n_after: int | None) -> float:
    """Return the mean effect over a cohort's years from its award on, or over those of all cohorts (-1)."""
    panel = sample.panel
    first = panel.periods[0] + 1 + panel.anticipation
    is_in = (panel.cohort >= first) & (panel.cohort <= panel.periods[-1]) & (sample.weight > 0)
    cohorts = np.unique(panel.cohort[is_in]) if cohort < 0 else np.array([cohort])
    total, mass = 0.0, 0.0
    for one in cohorts:
        n = min(panel.periods[-1] - int(one) + 1, n_after or len(panel.periods))
        weight = float(sample.weight[panel.cohort == one].sum())
        total += weight * float(effect_at(path, np.arange(n)).sum())
        mass += weight * n
    return total / mass if mass else 0.0
