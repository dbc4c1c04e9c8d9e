"""From what estimators make of imputed outcomes to effects: with regressors of firms, or without."""

import dataclasses
from collections.abc import Callable

from evalkit.engine.multipliers import Values
from evalkit.engine.own_columns import Controls
from evalkit.engine.own_regressors import impute_own
from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import left_out
from evalkit.stats.imputed import Averages, Reach, imputed, imputed_labels, not_imputed, reach, with_errors
from evalkit.stats.imputed_beside import imputed_beside, require_plain_residuals
from evalkit.stats.moments import Moments
from evalkit.stats.own_regressors import Own, OwnFit, own_caveats
from evalkit.stats.regression import Regression, chosen_correction, treatable


@dataclasses.dataclass(frozen=True, eq=False)
class Imputation:
    """Effects of all outcomes, and what goes with them into `Effects`.

    Parameters
    ----------
    moments : Moments
        Those that the influence of `found` is from.
    found : Regression
    labels : dict of column to values
        Of all cells.
    n_dropped : int
        Firms left out because they have no untreated period.
    notes : tuple of str
    columns : dict of outcome name to int
        As in `Effects`.
    values : Values or None
        The influence itself, to be read again; None where it follows from outcomes.
    """

    moments: Moments
    found: Regression
    labels: dict[str, list[object]]
    n_dropped: int
    notes: tuple[str, ...]
    columns: dict[str, int]
    values: Values | None = None


def impute(sample: MatchedSample, controls: Controls, averages: Callable[[Reach], Averages]) -> Imputation:
    """Impute all outcomes.

    Parameters
    ----------
    sample : MatchedSample
        The firms.
    controls : Controls
        Regressors of firms, if any.
    averages : callable
        Says what is told of the cells of an outcome.

    Raises
    ------
    DesignError
        No cell can be imputed (`E_NO_CONTROL`).
    EstimationError
        The untreated firm-years do not identify year effects or slopes (`E_COLLINEAR`); a correction of residuals
        beside regressors of firms (`E_OPTION`).
    """
    panel = sample.panel
    whole, own = controls.moments(sample)
    moments, n_dropped = treatable(whole, _first_untreated(panel))
    reaches = [Reach.of(moments, panel, o) for o in range(len(panel.outcomes))]
    if not any(part.cells for part in reaches):
        raise DesignError("no supported firm-year can be imputed from unsupported ones", code="E_NO_CONTROL")
    labels = imputed_labels(sample, moments, reaches)
    notes = (*left_out(moments, panel), *not_imputed(moments, reaches), *own_caveats(own))
    values = None
    if own is None:
        parts = [imputed(moments, panel, o, part, averages(part)) for o, part in enumerate(reaches)]
        found, slopes = with_errors(moments, parts, panel.inference.correction), [0] * len(parts)
    else:
        require_plain_residuals(chosen_correction(moments, panel.inference.correction))
        fits = _fits(panel, own, averages)
        slopes = [len(f.slopes) for f in fits]
        moments, found, values = impute_own(sample, fits, own)
    columns = {
        o.name: len(part.live) - 1 + k + len(part.cells) if part.cells else 0
        for o, part, k in zip(panel.outcomes, reaches, slopes, strict=True)
    }
    return Imputation(moments, found, labels, n_dropped, notes, columns, values)


def _fits(panel: Panel, own: Own, averages: Callable[[Reach], Averages]) -> list[OwnFit]:
    """Fit the untreated firm-years of each outcome, and carry the fit on to its cells."""
    fits = []
    for o, every in enumerate(own.moments):
        moments, _ = treatable(every, _first_untreated(panel))
        part = reach(
            moments.cohort, moments.observed[:, : len(panel.periods)], moments.product[:, 0, 0], panel, o
        )  # fmt: skip
        fits.append(imputed_beside(moments, own.names, panel, part, averages(part)))
    return fits


def _first_untreated(panel: Panel) -> int:
    """Return the first cohort that is untreated in the first period."""
    return panel.periods[0] + 1 + panel.anticipation
