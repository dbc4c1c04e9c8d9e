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
        `outcome`, `transform`, `event_time`, `n_treated` (firms), on the scale of the transform `mean_treated` and
        `mean_control`, and `smd_drift`: how far the difference of both changed since the last year before firms may
        anticipate the award, averaged over the cohorts seen in both years, in standard deviations of treated firms in
        that year (None where these are not known).
    """
    first, last, n_periods = panel.periods[0], panel.periods[-1], len(panel.periods)
    cohorts = [int(c) for c in np.unique(moments.cohort) if first < c <= last]
    rows = []
    for o, outcome in enumerate(panel.outcomes):
        columns = {
            (c, year - c): o * n_periods + year - first for c in cohorts for year in panel.periods if year < c
        }  # fmt: skip
        cells = {key: cell for key, at in columns.items() if (cell := _cell(moments, key[0], at))}
        base = {c: cells[c, e] for c, e in cells if e == -1 - panel.anticipation}
        spread = _spread(moments, [(c, columns[c, -1 - panel.anticipation]) for c in base])
        for event_time in sorted({e for _, e in cells}):
            own = {c: cell for (c, e), cell in cells.items() if e == event_time}
            mass, n_treated, treated, control = np.array(list(own.values())).T
            rows.append({
                "outcome": outcome.name, "transform": outcome.transform, "event_time": event_time,
                "n_treated": int(n_treated.sum()), "mean_treated": float(mass @ treated / mass.sum()),
                "mean_control": float(mass @ control / mass.sum()), "smd_drift": _drift(own, base, spread),
            })  # fmt: skip
    return rows


Cell = tuple[float, int, float, float]
"""Mass and number of a cohort's firms in one column, and the means of cohort and controls there."""


def _drift(own: dict[int, Cell], base: dict[int, Cell], spread: float) -> float | None:
    """Return how far the differences of means of cohorts changed from the base, averaged over cohorts seen in both."""
    moved = [(cell[0], cell[2] - cell[3] - (at[2] - at[3])) for c, cell in own.items() if (at := base.get(c))]
    if not moved or spread <= 0:
        return None
    return float(np.average([change for _, change in moved], weights=[mass for mass, _ in moved]) / spread)


def _spread(moments: Moments, columns: list[tuple[int, int]]) -> float:
    """Return the standard deviation within cohorts of treated firms, each in its own column, by squared weights."""
    square, mass = 0.0, 0.0
    for cohort, at in columns:
        seen = (moments.cohort == cohort) & moments.observed[:, at]
        q = moments.product[seen].sum(axis=0)
        if q[0, 0] > 0:
            square += float(q[at + 1, at + 1] - q[0, at + 1] ** 2 / q[0, 0])
            mass += float(q[0, 0])
    return float(np.sqrt(max(square, 0.0) / mass)) if mass else 0.0


def _cell(moments: Moments, cohort: int, at: int) -> Cell | None:
    """Return one cell of a cohort; None where one of the groups is not observed."""
    means, masses, n_firms = [], [], 0
    for group in (0, cohort):
        seen = (moments.cohort == group) & moments.observed[:, at]
        masses.append(float(moments.total[seen, 0].sum()))
        n_firms = int(moments.n[seen].sum())
        means.append(float(moments.total[seen, at + 1].sum()) / (masses[-1] or np.nan) + float(moments.centre[at]))
    return (masses[1], n_firms, means[1], means[0]) if all(masses) else None
