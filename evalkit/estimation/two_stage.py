"""Two-stage difference-in-differences after Gardner."""

import dataclasses

import numpy as np

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats, left_out
from evalkit.stats.imputed import Imputed, imputed, imputed_labels, not_imputed, with_errors
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
        cells = [imputed(moments, panel, o) for o in range(len(panel.outcomes))]
        if not any(part.cells for part in cells):
            raise DesignError("no supported firm-year can be imputed from unsupported ones", code="E_NO_CONTROL")
        found = with_errors(moments, [by_event_time(part) for part in cells], panel.inference.correction)
        labels = _labels(imputed_labels(sample, moments, cells))
        dof = found.dof if found.is_corrected else np.inf
        table, vcov = effects_table(labels, found.estimate, found.vcov, dof, panel.inference.level)
        draws, told = drawn(sample, moments, found.influence)
        return Effects(
            table=table, vcov=vcov, method="two_stage", options={}, outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws, dof=dof,
            notes=(
                *caveats(n_dropped, labels, found.is_corrected), *left_out(moments, panel),
                *not_imputed(moments, cells), *told,
            ),
            columns={o.name: p.x.shape[2] for o, p in zip(panel.outcomes, cells, strict=True)},
        )  # fmt: skip


def by_event_time(part: Imputed) -> Imputed:
    """Average cells by event time over their firm-years; residuals are taken from that mean, not from the cells'."""
    from scipy.linalg import block_diag

    times = np.array([c.year - c.cohort for c in part.cells])
    mass = 1.0 / part.share.max(axis=0)
    kept = np.unique(times)
    inside = (times == kept[:, None]).astype(float)
    weights = inside * mass / (inside * mass).sum(axis=1, keepdims=True)
    first = [part.cells[int(np.flatnonzero(row)[0])] for row in inside]
    years = np.eye(len(part.years))
    return dataclasses.replace(
        part, cells=first, estimate=weights @ part.estimate, share=part.share @ weights.T,
        x=part.x @ block_diag(years, inside.T), weight=part.weight @ block_diag(years, weights.T),
    )  # fmt: skip


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
