"""Who may be compared with the firms of one award cohort, for how long, and what their paths were before the award."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.model.panel import Panel
from evalkit.model.study import Outcome
from evalkit.stats.transforms import transform

if TYPE_CHECKING:
    import pyarrow as pa

Future = Literal["drop", "censor", "intention_to_treat"]


def at_risk(panel: Panel, award: int, future: Future) -> NDArray[np.bool_]:
    """Return the firms (n_firms,) that are not treated by an award date and may be compared with those that are.

    As the award is for good, the treatment history of all of them is the same as that of the award's cohort.

    Parameters
    ----------
    panel : Panel
        The firms.
    award : int
        First treated period of the cohort.
    future : {"drop", "censor", "intention_to_treat"}
        Whether firms treated later are among them, if they do not react to their own award by then.
    """
    never: NDArray[np.bool_] = panel.cohort == 0
    return never if future == "drop" else never | (panel.cohort > award + panel.anticipation)


def usable_until(panel: Panel, control: NDArray[np.int64], future: Future) -> NDArray[np.int32]:
    """Return the last period (n,) in which controls, given by row, count: censored ones until they may react."""
    cohort, last = panel.cohort[control], panel.periods[-1]
    ends = (cohort > 0) & (future == "censor")
    return np.where(ends, np.minimum(cohort - 1 - panel.anticipation, last), last).astype(np.int32)


def set_table(
    treated: NDArray[np.int64], control: NDArray[np.int64], until: NDArray[np.int32]
) -> "pa.Table":  # fmt: skip
    """Return the `sets` of a sample from pairs (n_pairs,): the controls of a treated firm share a weight of 1."""
    import pyarrow as pa

    _, own, n_controls = np.unique(treated, return_inverse=True, return_counts=True)
    return pa.table({"treated": treated, "control": control, "weight": 1.0 / n_controls[own], "until": until})


def contamination(panel: Panel, sets: "pa.Table") -> list[dict[str, Any]]:
    """Return by event time which share of the controls' weight belongs to firms treated by then.

    Returns
    -------
    list of dict
        `event_time`, `n_control` and `n_treated_by_then` (distinct firms), and of the weight in sets whose period lies
        in the panel `share_treated_by_then`, `share_used` (what is not censored), and `share_contaminated`: of the used
        weight, what belongs to firms treated by then.
    """
    treated, control, weight, until = (sets[name].to_numpy() for name in sets.column_names)
    award, own = panel.cohort[treated], panel.cohort[control]
    rows = []
    for event_time in range(panel.periods[-1] - int(award.min()) + 1):
        year = award + event_time
        seen = year <= panel.periods[-1]
        by_then = seen & (own > 0) & (own <= year)
        is_used = seen & (year <= until)
        total, used = _sum(weight[seen]), _sum(weight[is_used])
        rows.append({
            "event_time": event_time, "n_control": len(np.unique(control[seen])),
            "n_treated_by_then": len(np.unique(control[by_then])),
            "share_treated_by_then": _sum(weight[by_then]) / total, "share_used": used / total,
            "share_contaminated": _sum(weight[by_then & is_used]) / used if used else 0.0,
        })  # fmt: skip
    return rows


def _sum(weight: NDArray[np.float64]) -> float:
    """Return a sum that does not depend on the order of firms."""
    return float(np.sort(weight).sum())


def path_years(panel: Panel, award: int, lags: int) -> list[int]:
    """Return the periods whose outcomes may choose the controls of an award: so many, before anyone may react."""
    last = award - 1 - panel.anticipation
    return list(range(last - lags + 1, last + 1))


def paths_until(panel: Panel, outcomes: Sequence[Outcome], years: Sequence[int]) -> NDArray[np.float64]:
    """Return outcomes on their scales in some periods (n_firms, O, L), NaN where not observed; no other is read.

    A growth needs the period before the first one too.
    """
    found = np.full((panel.n_firms, len(outcomes), len(years)), np.nan)
    for o, outcome in enumerate(outcomes):
        wanted = [years[0] - 1, *years] if outcome.transform == "growth" else list(years)
        known = [j for j, year in enumerate(wanted) if year in panel.periods]
        columns = [f"{outcome.column}@{wanted[j]}" for j in known]
        levels = np.full((panel.n_firms, len(wanted)), np.nan)
        for j, column in zip(known, panel.read(columns).columns, strict=True):
            levels[:, j] = column.to_numpy(zero_copy_only=False)
        found[:, o] = transform(levels, outcome.transform)[:, len(wanted) - len(years) :]
    return found
