"""What estimators share about cohorts: event times seen, counts of firms, shares for aggregation, notes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.effects import CohortShares
from evalkit.model.panel import Panel
from evalkit.stats.inference import lacks_error
from evalkit.stats.moments import Moments

FEW_TREATED = 50
"""With fewer treated firms a clustered test of 5 % rejects a true null more often (6.5 % at 20, 8.5 % at 10)."""


def observed_of(moments: Moments, outcome: int, n_periods: int) -> NDArray[np.bool_]:
    """Return which periods each group has for one outcome (C, T), of groups with at least two."""
    own = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods]
    seen: NDArray[np.bool_] = own & (own.sum(axis=1) >= 2)[:, None]
    return seen


def event_times(moments: Moments, periods: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return event times (C, T) and which groups (C,) are treated within the periods."""
    treated = (moments.cohort > 0) & (moments.cohort <= periods[-1])
    return np.array(periods)[None, :] - moments.cohort[:, None], treated


def require_before_and_after(moments: Moments, periods: tuple[int, ...], outcome: int, name: str) -> None:
    """Refuse an outcome that no treated firm has from the award on.

    Raises
    ------
    DesignError
        `E_NO_TREATED`, with the outcome's name.
    """
    times, treated = event_times(moments, periods)
    seen = observed_of(moments, outcome, len(periods))
    if not (seen & treated[:, None] & (times >= 0)).any():
        raise DesignError("no firm is observed before and after its award", where=name, code="E_NO_TREATED")


def require_controls(moments: Moments, last: int) -> tuple[list[int], bool]:
    """Return the cohorts treated by the `last` period, and whether some firms are untreated until then.

    Raises
    ------
    DesignError
        There is no such cohort, or a single one and nothing to compare it with (`E_NO_TREATED`, `E_NO_CONTROL`).
    """
    cohorts = [int(c) for c in np.unique(moments.cohort) if 0 < c <= last]
    if not cohorts:
        raise DesignError("no firm is treated within the periods", code="E_NO_TREATED")
    has_untreated = bool(((moments.cohort == 0) | (moments.cohort > last)).any())
    if not has_untreated and len(cohorts) == 1:
        raise DesignError("all firms are treated, and all in the same period", code="E_NO_CONTROL")
    return cohorts, has_untreated


def seen_once(moments: Moments, panel: Panel) -> tuple[str, ...]:
    """Return the note on firms seen in fewer than two years of every outcome: they say nothing beside firm effects."""
    seen = moments.pattern.reshape(moments.n_groups, -1, len(panel.periods)).sum(axis=2).max(axis=1)
    n_firms = int(moments.n[seen < 2].sum())
    return (f"seen_once:{n_firms}",) if n_firms else ()


def years_without_comparison(moments: Moments, panel: Panel) -> tuple[str, ...]:
    """Return the note on years from the last cohort's award on, where no firm is left that is untreated until then."""
    first, last = int(moments.cohort.max(initial=0)) - panel.anticipation, panel.periods[-1]
    is_left = bool((moments.cohort == 0).any()) or first > last
    return () if is_left else (f"no_comparison:{first}-{last}",)


def left_out(moments: Moments, panel: Panel) -> tuple[str, ...]:
    """Return the notes on firms and years that say nothing."""
    return (*seen_once(moments, panel), *years_without_comparison(moments, panel))


def cohort_shares(moments: Moments, cohorts: NDArray[np.int64], influence: list[NDArray[np.float64]]) -> CohortShares:
    """Return the masses of cohorts and their covariance with effects whose influence is A v in each group."""
    cross = np.zeros((len(influence[0]), len(cohorts)))
    for group, a in enumerate(influence):
        place = np.flatnonzero(cohorts == moments.cohort[group])
        cross[:, place] += (a @ moments.product[group][:, 0])[:, None]
    own = [moments.cohort == c for c in cohorts]
    mass = np.array([moments.total[m, 0].sum() for m in own])
    return CohortShares(cohorts, mass, np.array([moments.product[m, 0, 0].sum() for m in own]), cross)


def caveats(n_dropped: int, labels: Mapping[str, Sequence[Any]], is_corrected: bool = False) -> tuple[str, ...]:
    """Return what a reader must know: firms left out, outcomes with few treated firms behind them or no interval.

    Parameters
    ----------
    n_dropped : int
        Firms without an untreated period.
    labels : dict of column to values
        Labels of the effects: `outcome`, `n_treated`, and `cohort` and `n_clusters` where there are any.
    is_corrected : bool
        Whether standard errors are corrected for few treated firms.

    Reference
    ---------
    MacKinnon and Webb (2018), Econometrics Journal 21(2): firm-clustered intervals are too short with few treated.
    """
    notes = always_treated(n_dropped)
    largest: dict[Any, dict[Any, int]] = {}
    cohorts = labels.get("cohort", [0] * len(labels["outcome"]))
    for outcome, cohort, n_treated in zip(labels["outcome"], cohorts, labels["n_treated"], strict=True):
        own = largest.setdefault(outcome, {})
        own[cohort] = max(own.get(cohort, 0), n_treated)
    lacking = {o for o, lacks in zip(labels["outcome"], lacks_error(labels), strict=True) if lacks}
    key = "few_treated_corrected" if is_corrected else "few_treated"
    notes = (*notes, *(f"{key}:{o}" for o, own in largest.items() if sum(own.values()) < FEW_TREATED))
    return (*notes, *(f"no_interval:{o}" for o in largest if o in lacking))


def always_treated(n_dropped: int) -> tuple[str, ...]:
    """Return the note on firms left out because they are treated in all periods."""
    return (f"always_treated_dropped:{n_dropped}",) if n_dropped else ()
