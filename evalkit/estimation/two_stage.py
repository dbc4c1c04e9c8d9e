"""Two-stage difference-in-differences after Gardner."""

import dataclasses

import numpy as np

from evalkit.engine.imputed import impute
from evalkit.engine.multipliers import drawn
from evalkit.engine.own_columns import Controls
from evalkit.engine.paths import baseline_means
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import caveats
from evalkit.stats.imputed import Averages, Reach
from evalkit.stats.inference import effects_table


@dataclasses.dataclass(frozen=True)
class Method(Controls):
    """Effect by years since the award: outcomes less firm and year effects, compared in a second regression.

    Firm and year effects, and slopes of covariates, are fitted to untreated firm-years; what is left of the outcome is
    regressed on indicators of the years since the award. Estimates are those of `imputation` averaged by firm-years;
    standard errors count the first stage, and spread of effects within a year since the award counts as error.

    Assumes
    -------
    Parallel paths without the award in all years, and no reaction before the declared anticipation. Beside covariates
    residuals are not corrected for few supported firms, as with `imputation`.

    Reference
    ---------
    Gardner (2022), Two-stage differences in differences, sections 3.2 and 3.3; Butts and Gardner (2022), did2s, The R
    Journal 14(3).
    """

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all years since the award of all outcomes with their joint covariance, from one read of the data.

        Beside covariates a second read tells the influence of firms.

        Raises
        ------
        DesignError
            No cell can be imputed (`E_NO_CONTROL`).
        EstimationError
            The untreated firm-years do not identify the year effects or the slopes of covariates (`E_COLLINEAR`); a
            correction of residuals beside covariates (`E_OPTION`).
        """
        panel = sample.panel
        done = impute(sample, self, by_event_time)
        found, labels = done.found, _labels(done.labels)
        dof = found.dof if found.is_corrected else np.inf
        table, vcov = effects_table(labels, found.estimate, found.vcov, dof, panel.inference.level)
        draws, told = drawn(sample, done.moments, found.influence, values=done.values)
        return Effects(
            table=table, vcov=vcov, method="two_stage", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), level=panel.inference.level, draws=draws, dof=dof, columns=done.columns,
            notes=(*caveats(done.n_dropped, labels, found.is_corrected), *done.notes, *told),
        )  # fmt: skip


def by_event_time(reach: Reach) -> Averages:
    """Average cells by event time over their firm-years; residuals are taken from that mean, not from the cells'."""
    times = np.array([c.year - c.cohort for c in reach.cells])
    mass = 1.0 / reach.share.max(axis=0)
    inside = (times == np.unique(times)[:, None]).astype(float)
    weights = inside * mass / (inside * mass).sum(axis=1, keepdims=True)
    return Averages(inside, weights)


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
