"""Mean outcomes of treated firms and of weighted controls in the years before treatment."""

from typing import Any

import numpy as np

from evalkit.model.panel import Panel
from evalkit.stats.moments import Moments


def paths_before(moments: Moments, panel: Panel) -> list[dict[str, Any]]:
    """Return the means of both groups by event time before treatment.

    At each event time both means average over the cohorts observed then, in proportion to their treated firms; controls
    are those of the same calendar years. So what the years have in common does not part the two.

    Parameters
    ----------
    moments : Moments
        Of all outcomes of a sample, with its weights.
    panel : Panel
        For periods and outcomes.

    Returns
    -------
    list of dict
        `outcome`, `transform`, `event_time`, `n_treated` (firms) and, on the scale of the transform, `mean_treated` and
        `mean_control`.
    """
    first, last, n_periods = panel.periods[0], panel.periods[-1], len(panel.periods)
    cohorts = [int(c) for c in np.unique(moments.cohort) if first < c <= last]
    rows = []
    for o, outcome in enumerate(panel.outcomes):
        for event_time in range(first - max(cohorts, default=first), 0):
            years = [(c, c + event_time - first) for c in cohorts if c + event_time >= first]
            found = [_cell(moments, cohort, o * n_periods + j) for cohort, j in years]
            mass, n_treated, treated, control = np.array([cell for cell in found if cell]).reshape(-1, 4).T
            if mass.size:
                rows.append({
                    "outcome": outcome.name, "transform": outcome.transform, "event_time": event_time,
                    "n_treated": int(n_treated.sum()), "mean_treated": float(mass @ treated / mass.sum()),
                    "mean_control": float(mass @ control / mass.sum()),
                })  # fmt: skip
    return rows


def _cell(moments: Moments, cohort: int, at: int) -> tuple[float, int, float, float] | None:
    """Return mass and number of a cohort's firms in one column, and the means of cohort and controls there."""
    means, masses, n_firms = [], [], 0
    for group in (0, cohort):
        seen = (moments.cohort == group) & moments.observed[:, at]
        masses.append(float(moments.total[seen, 0].sum()))
        n_firms = int(moments.n[seen].sum())
        means.append(float(moments.total[seen, at + 1].sum()) / (masses[-1] or np.nan) + float(moments.centre[at]))
    return (masses[1], n_firms, means[1], means[0]) if all(masses) else None
