"""Effects by event time as one path around the reference period."""

import numpy as np

from evalkit.model.effects import Effects
from evalkit.stats.aggregate import aggregate
from evalkit.stats.trend_bounds import EventPath


def event_path(effects: Effects, anticipation: int, event_time: int | None = None) -> EventPath | None:
    """Return the effects of one outcome by event time, those before and those from the award on.

    Parameters
    ----------
    effects : Effects
        Of one outcome, against one reference period.
    anticipation : int
        Periods before the award in which firms may react; the reference period lies before them, and effects in them
        count as effects.
    event_time : int or None
        The effect asked for; None for the mean over event times from 0 on.

    Returns
    -------
    EventPath or None
        The longest stretch of event times without a gap around the reference period; None when it has no effect
        before or after with a standard error, or not the one asked for.
    """
    if effects.table["event_time"].isna().all():
        return None
    by_time = aggregate(effects, "event_time")
    table, reference = by_time.table, -1 - anticipation
    is_known = (table["std_error"] > 0).to_numpy(dtype=bool, na_value=False)
    rows = {int(e): i for i, e in enumerate(table["event_time"]) if is_known[i]}
    first, last = reference, reference
    while first - 1 in rows:
        first -= 1
    while last + 1 in rows:
        last += 1
    asked = [event_time] if event_time is not None else list(range(last + 1))
    if first == reference or not asked or not set(asked) <= set(range(reference + 1, last + 1)):
        return None
    pre, post = [rows[e] for e in range(first, reference)], [rows[e] for e in range(reference + 1, last + 1)]
    estimate = table["estimate"].to_numpy(dtype=np.float64)
    target = np.array([e in asked for e in range(reference + 1, last + 1)]) / len(asked)
    return EventPath(estimate[pre], estimate[post], by_time.vcov[np.ix_(pre + post, pre + post)], target)
