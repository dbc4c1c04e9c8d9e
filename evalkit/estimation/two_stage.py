"""Two-stage difference-in-differences after Gardner."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats
from evalkit.stats.imputed import Imputed, imputed, imputed_labels, not_imputed, side_by_side
from evalkit.stats.inference import effects_table
from evalkit.stats.regression import treatable


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect by years since the award: outcomes less firm and year effects, compared in a second regression.

    Firm and year effects are fitted to untreated firm-years; what is left of the outcome is regressed on indicators of
    the years since the award. Estimates are those of `imputation` averaged by firm-years; standard errors count the
    first stage, and spread of effects within a year since the award counts as error.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation.

    Reference
    ---------
    Gardner (2022), Two-stage differences in differences, sections 3.2 and 3.3; Butts and Gardner (2022), did2s, The R
    Journal 14(3).
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all years since the award of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cell can be imputed (`E_NO_CONTROL`).
        EstimationError
            The untreated firm-years do not identify the year effects (`E_COLLINEAR`).
        """
        panel = sample.panel
        moments, n_dropped = treatable(sample_moments(sample), panel.periods[0] + 1 + panel.anticipation)
        found = [imputed(moments, panel, o) for o in range(len(panel.outcomes))]
        parts = [by_event_time(part) for part in found if part.cells]
        if not parts:
            raise DesignError("no supported firm-year can be imputed from unsupported ones", code="E_NO_CONTROL")
        influence = side_by_side(parts, moments, len(panel.periods))
        estimate = np.concatenate([part.estimate for part in parts])
        labels = _labels(imputed_labels(sample, moments, found))
        table, vcov = effects_table(labels, estimate, moments.covariance(influence), np.inf, panel.inference.level)
        draws, told = drawn(sample, moments, influence)
        return Effects(
            table=table, vcov=vcov, method="two_stage", options={}, outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws,
            notes=(*caveats(n_dropped, labels), *not_imputed(moments, found), *told),
        )  # fmt: skip


def by_event_time(part: Imputed) -> Imputed:
    """Average cells by event time over their firm-years; residuals are taken from that mean, not from the cells'."""
    times = np.array([c.year - c.cohort for c in part.cells])
    mass = 1.0 / part.share.max(axis=0)
    kept = np.unique(times)
    weights = np.where(times[None, :] == kept[:, None], mass, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    estimate: NDArray[np.float64] = weights @ part.estimate
    influence = np.einsum("ek,ckt->cet", weights, part.influence)
    own, common = (part.share * part.estimate) @ weights.T, part.share @ weights.T * estimate
    influence[:, :, 0] += own - common
    first = [part.cells[int(np.flatnonzero(times == e)[0])] for e in kept]
    return Imputed(first, estimate, influence, part.share @ weights.T, part.is_lost)


def _labels(cells: dict[str, list[object]]) -> dict[str, list[object]]:
    """Return the labels by outcome and event time; firms of all cohorts count."""
    rows: dict[tuple[object, int], list[int]] = {}
    for i, key in enumerate(zip(cells["outcome"], cells["event_time"], strict=True)):
        rows.setdefault((key[0], int(str(key[1]))), []).append(i)
    outcomes = list(dict.fromkeys(cells["outcome"]))
    keys = sorted(rows, key=lambda key: (outcomes.index(key[0]), key[1]))
    return {
        "outcome": [key[0] for key in keys],
        "estimand": [cells["estimand"][rows[key][0]] for key in keys],
        "event_time": [key[1] for key in keys],
        "n_treated": [sum(int(str(cells["n_treated"][i])) for i in rows[key]) for key in keys],
        "n_clusters": [max(int(str(cells["n_clusters"][i])) for i in rows[key]) for key in keys],
        "n_control": [cells["n_control"][rows[key][0]] for key in keys],
    }
