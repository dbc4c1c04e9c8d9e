"""Effects by the amount awarded."""

import dataclasses
import itertools
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.cell_effects import Asked, cell_effects, changes
from evalkit.engine.paths import path_columns, sample_moments
from evalkit.errors import DesignError, StudyError
from evalkit.model.effects import Effects
from evalkit.model.panel import COHORT, FIRM, Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cohorts import always_treated
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable

BIN = "dose_bin"
NO_BIN = ""


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect for each award cohort in each year, separately for firms with small and with large awards.

    Treated firms are put into bins by the amount of their first year with an award; each bin is compared with the firms
    never supported. So an effect says what awards of that size did for the firms that got them. Differences between
    bins are not what a larger award would have done: firms with large awards are other firms, and may gain more from
    any award. Firms whose amount is not known are left out and counted.

    Parameters
    ----------
    cuts : tuple of float
        Amounts that part the bins, in yen; a firm at a cut is in the bin above it. Default: quantiles.
    bins : int
        Without cuts, number of bins with about as many treated firms each; quantiles are rounded to two digits.
    base : {"varying", "universal"}
        Base period of the cells before the award: the period before each, or one period for all.

    Assumes
    -------
    Without the award, the firms of each bin would have changed as the never-supported firms did, with no earlier
    reaction than declared. For differences between bins to be effects of the amount: strong parallel trends, under
    which firms with small and large awards would have gained alike from the same award.

    Reference
    ---------
    Callaway, Goodman-Bacon and Sant'Anna (2024), Difference-in-differences with a continuous treatment, NBER working
    paper 32117, section 3 (ATT(d|d), selection on gains, strong parallel trends).
    """

    cuts: tuple[float, ...] = ()
    bins: int = 3
    base: Literal["varying", "universal"] = "varying"

    def __post_init__(self) -> None:
        if not self.cuts and self.bins < 2:
            raise ValueError("bins must be 2 or more")
        if any(b <= a for a, b in itertools.pairwise(self.cuts)):
            raise ValueError("cuts must be in order, each once")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance; `group` names the bin.

        Raises
        ------
        StudyError
            The panel has no amounts (`E_OPTION`).
        DesignError
            All amounts fall into one bin, or none is known (`E_DOSE`); no cell has treated and never-supported firms
            (`E_NO_CONTROL`).
        """
        panel = sample.panel
        dose = _dose(panel)
        is_in = (sample.weight > 0) & (panel.cohort > panel.periods[0] + panel.anticipation)
        is_in &= panel.cohort <= panel.periods[-1]
        known = is_in & np.isfinite(dose)
        cuts = np.array(self.cuts) if self.cuts else _quantiles(dose[known], self.bins)
        code = np.where(known, np.searchsorted(cuts, dose, side="right"), -1)
        n_bins = len(np.unique(code[known]))
        if n_bins < 2:
            raise DesignError(
                f"the amounts of {int(known.sum())} treated firms fall into {n_bins} bins", where="estimate.cuts",
                code="E_DOSE", hint="choose cuts within the range of amounts",
            )  # fmt: skip
        names = _names(cuts)
        label = np.array([*names, NO_BIN])[code]
        binned = dataclasses.replace(
            sample, panel=_with_bins(panel, label), weight=np.where(is_in & ~known, 0.0, sample.weight)
        )
        moments, n_dropped = treatable(sample_moments(binned, (BIN,)), panel.periods[0] + 1 + panel.anticipation)
        levels = sorted({*label.tolist()})
        asked = [
            one for number, level in enumerate(levels) if level != NO_BIN
            for one in _asked(binned, moments, (number, level), self.base)
        ]  # fmt: skip
        width = len(panel.periods)
        asked.sort(
            key=lambda one: (one.change.at // width, names.index(str(one.group)), one.change.cohort, one.change.at)
        )
        found = cell_effects(binned, moments, asked, "dose")
        n_unknown = int((is_in & ~known).sum())
        notes = (*always_treated(n_dropped), *((f"unknown_dose:{n_unknown}",) if n_unknown else ()), *found.notes)
        return dataclasses.replace(found, options=dataclasses.asdict(self), notes=notes)


def _asked(
    sample: MatchedSample, moments: Moments, own_bin: tuple[int, str], base: Literal["varying", "universal"]
) -> list[Asked]:
    """Return the cells of one bin."""
    number, name = own_bin
    asked = []
    for change in changes(sample.panel, np.unique(moments.cohort), base):
        seen = moments.observed[:, change.at] & moments.observed[:, change.since]
        own = seen & (moments.cohort == change.cohort) & (np.asarray(moments.stratum) == number)
        asked.append(Asked(change, ((own, 1.0), (seen & (moments.cohort == 0), -1.0)), name))
    return asked


def _dose(panel: Panel) -> NDArray[np.float64]:
    """Return the amount of each firm (n_firms,), NaN where it is not known."""
    if not panel.dose:
        raise StudyError(
            "the panel has no amounts of awards", where="estimate.method", code="E_OPTION",
            hint="declare treatment.dose = true",
        )  # fmt: skip
    column = panel.read([panel.dose]).column(0).cast(pa.float64())
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _quantiles(dose: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return up to n - 1 cuts at two digits, so that none is the amount of one firm."""
    if not len(dose):
        return np.zeros(0)
    cuts = np.unique([float(f"{cut:.2g}") for cut in np.quantile(dose, np.arange(1, n) / n)])
    return np.asarray(cuts[(cuts > dose.min()) & (cuts <= dose.max())], np.float64)


def _names(cuts: NDArray[np.float64]) -> list[str]:
    """Return the names of bins: amounts with thousands separators."""
    ends = [f"{cut:,.15g}" for cut in cuts]
    return [f"< {ends[0]}", *(f"{a} - {b}" for a, b in itertools.pairwise(ends)), f"{ends[-1]} +"]


def _with_bins(panel: Panel, label: NDArray[np.str_]) -> Panel:
    """Return the panel with one more category, and without the columns that are not read."""
    columns = dict.fromkeys([FIRM, COHORT, *panel.clusters, *path_columns(panel)])
    table = panel.read(list(columns)).append_column(BIN, pa.array(label.tolist(), pa.string()))
    return dataclasses.replace(panel, source=table, covariates=(), dose="", award_path="", pool="")
