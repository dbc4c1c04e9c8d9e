"""The pass of the randomisation test: what each firm's change would be in each cohort."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.engine.paths import category_codes, paths
from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.randomisation import Dealt

FEWEST = 3
"""Treated firms below which nothing is tested, as no interval is printed."""


def deal(sample: MatchedSample, outcome: Outcome, strata: tuple[str, ...] = ()) -> Dealt:
    """Read each firm's change of one outcome from the last period before the award to the mean from it on.

    Firms with positive weight count: the never treated ones, and cohorts treated within the periods with a period
    before, of two firms or more. A cohort's weight in the mean effect is its mass times the periods from its award on.

    Parameters
    ----------
    sample : MatchedSample
        Firms.
    outcome : Outcome
        One outcome of the panel.
    strata : tuple of str
        Categories of the panel within whose combinations the award is dealt out.

    Raises
    ------
    DesignError
        Fewer than three treated firms, or than two never treated ones (`E_NO_TREATED`, `E_NO_CONTROL`).
    UnknownNameError
        The panel has no such category.
    """
    panel, own = sample.panel, np.where(sample.weight > 0, sample.panel.cohort, -1)
    codes, _ = category_codes(panel, strata, "strata")
    stratum = np.zeros(panel.n_firms, np.int64) if codes is None else codes
    cohorts = [c for c in cohorts_within(panel, own) if (own == c).sum() > 1]
    if sum(int((own == c).sum()) for c in cohorts) < FEWEST:
        raise DesignError(f"fewer than {FEWEST} supported firms have years before and after", code="E_NO_TREATED")
    if (own == 0).sum() < 2:
        raise DesignError("there are no never supported firms", code="E_NO_CONTROL")
    is_in = np.isin(own, [0, *cohorts])
    change = changes(panel, outcome, cohorts)[is_in]
    weight, number = sample.weight[is_in], np.searchsorted(cohorts, own[is_in]).astype(np.int64)
    number[own[is_in] == 0] = -1
    mass = np.array([weight[number == c].sum() for c in range(len(cohorts))])
    share = mass * (panel.periods[-1] + 1 - np.array(cohorts))
    return Dealt(change, weight, number, stratum[is_in], share / share.sum())


def cohorts_within(panel: Panel, cohort: NDArray[np.int32]) -> list[int]:
    """Return the cohorts among those of firms (n,) that are treated within the periods, with a period before."""
    first = panel.periods[0] + 1 + panel.anticipation
    return [int(c) for c in np.unique(cohort) if first <= c <= panel.periods[-1]]


def changes(panel: Panel, outcome: Outcome, cohorts: list[int]) -> NDArray[np.float64]:
    """Return the change (n_firms, C) of every firm, were it in each cohort; NaN when a side is not observed.

    It leads from the last period before the award to the mean of those observed from it on.
    """
    place = [o.name for o in panel.outcomes].index(outcome.name) * len(panel.periods)

    def kernel(block: pa.RecordBatch, _row: int) -> NDArray[np.float64]:
        y = paths(panel, block)[:, place : place + len(panel.periods)]
        found = np.empty((len(y), len(cohorts)))
        for c, cohort in enumerate(cohorts):
            after = y[:, cohort - panel.periods[0] :]
            seen = ~np.isnan(after)
            total, n = np.where(seen, after, 0.0).sum(axis=1), seen.sum(axis=1)
            mean = np.divide(total, n, out=np.full(len(y), np.nan), where=n > 0)
            found[:, c] = mean - y[:, cohort - 1 - panel.anticipation - panel.periods[0]]
        return found

    names = list(dict.fromkeys(name for o in panel.outcomes for name in panel.columns_of(o)))
    return np.concatenate(list(map_blocks(panel, names, kernel)))
