"""Effects by the amount awarded: in bins, or as a curve."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.dose_curves import dose_curves
from evalkit.engine.doses import Doses, doses
from evalkit.engine.paths import baseline_means, labelled_moments, sample_moments
from evalkit.errors import EstimationError
from evalkit.model.effects import CohortShares, Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.cell_changes import cell_change, cell_influence
from evalkit.stats.cohorts import caveats, cohort_shares
from evalkit.stats.dose_bins import BinCell, bin_cells, declared_bins, plain, quantile_bins, rounded_quantiles
from evalkit.stats.dose_curve import Curve
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import treatable
from evalkit.stats.year_cells import Comparison, no_comparison, year_cells, year_labels

DECILES = tuple(j / 10 for j in range(1, 10))
MOST_CUTS = 8


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect by the amount of the award, for each cohort and year.

    In bins: the change of a cohort's firms with similar amounts since the period before the award, less that of the
    comparison firms. As a curve: the firms' changes regressed on splines in the amount, less the mean change of the
    comparison firms; rows without a group are the mean over the cohort's firms, the others the curve at an amount
    (`group`). Cells before the award start from the period before each.

    What is shown for an amount is the effect of that amount on the firms that got it. Firms that got more may be firms
    that gain more, so differences between amounts, and slopes, are causal only under strong parallel trends.

    Parameters
    ----------
    form : {"bins", "curve"}
        Groups of firms with similar amounts, or a smooth curve.
    cuts : tuple of float
        Upper ends of all bins but the last, which are in them; or inner knots of the curve.
    n_cuts : int
        Without `cuts`: how many there are, at quantiles of the amounts awarded to two significant digits. Default: two
        for bins, which makes three of them; none for the curve, which makes it a polynomial.
    degree : int
        Degree of the curve.
    points : tuple of float
        Amounts at which the curve is read. Default: deciles, to two significant digits.
    read : {"total", "marginal"}
        What is read off the curve: the effect of an amount, or what one more unit of it adds.
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: those never supported, or also those supported later, until their own award.
    unit : float
        Amounts are divided by this: with 1000000 they, `cuts` and `points` are in millions.

    Assumes
    -------
    Without the award, firms of each amount would have changed as the comparison firms did, and no firm reacted earlier
    than declared. To compare amounts: firms with one amount would have gained from another as those that got it did.

    Reference
    ---------
    Callaway, Goodman-Bacon and Sant'Anna (2024), Difference-in-differences with a continuous treatment, NBER working
    paper 32117: theorems 3.1 and 3.3 on what is identified, equations 4.4 to 4.6 on the curve, theorem C.1 on several
    periods.
    """

    form: Literal["bins", "curve"] = "bins"
    cuts: tuple[float, ...] = ()
    n_cuts: int | None = None
    degree: int = 3
    points: tuple[float, ...] = ()
    read: Literal["total", "marginal"] = "total"
    comparison: Comparison = "never_treated"
    unit: float = 1.0

    def __post_init__(self) -> None:
        for name, given in (("cuts", self.cuts), ("points", self.points)):
            if any(low >= high for low, high in zip((0.0, *given), given, strict=False)):
                raise ValueError(f"{name} must be above 0 and in order")
        if self.cuts and self.n_cuts is not None:
            raise ValueError("give cuts or n_cuts, not both")
        if not (self.form == "bins") <= self.n_wanted <= MOST_CUTS:
            raise ValueError(f"at most {MOST_CUTS} cuts, and for bins at least one")
        if self.form == "bins" and (self.points or self.read == "marginal"):
            raise ValueError('points and read = "marginal" need form = "curve"')
        if not (1 <= self.degree <= 5 and 0 < self.unit < float("inf")):
            raise ValueError("degree must be 1 to 5 and unit above 0")

    @property
    def n_wanted(self) -> int:
        """How many cuts are asked for."""
        if self.n_cuts is None:
            return len(self.cuts) or (2 if self.form == "bins" else 0)
        return self.n_cuts

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all cells of all outcomes with their joint covariance.

        Raises
        ------
        DesignError
            The panel has no dose (`E_NO_DOSE`), no treated firm has one, or none in some bin (`E_NO_TREATED`), all are
            the same (`E_NO_VARIANCE`); no cell has firms on both sides (`E_NO_CONTROL`) or enough of them for a curve
            (`E_TOO_FEW_TREATED`).
        EstimationError
            A cohort's doses do not determine a curve (`E_COLLINEAR`); points lie outside all doses (`E_OPTION`); more
            than 10,000 effects (`E_TOO_LARGE`).
        """
        panel, level = sample.panel, sample.panel.inference.level
        given = doses(sample, self.unit, panel.periods[0] + 1 + panel.anticipation)
        found = self._in_bins(given) if self.form == "bins" else self._on_curve(given)
        table, vcov = effects_table(found.labels, found.estimate, found.vcov, np.inf, level)
        return Effects(
            table=table, vcov=vcov, method="dose", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(given.sample), level=level, shares=found.shares,
            notes=(*caveats(found.n_dropped, found.labels), *given.notes, *found.notes, "dose_descriptive"),
        )  # fmt: skip

    def _in_bins(self, given: Doses) -> "_Found":
        """Estimate the cells of cohort, bin and year from group moments: one read of the data, sums exact."""
        panel = given.sample.panel
        amounts = given.treated
        bins = declared_bins(amounts, self.cuts) if self.cuts else quantile_bins(amounts, self.n_wanted + 1)
        everyone = labelled_moments(given.sample, bins.of(given.dose))
        moments, n_dropped = treatable(everyone, panel.periods[0] + 1 + panel.anticipation)
        whole = year_cells(panel, np.unique(moments.cohort), self.comparison, "varying")
        cells, members, counts = bin_cells(whole, len(bins.labels), moments)
        if not cells:
            raise no_comparison()
        contrasts = [c.cell.contrast for c in cells]
        solved = [cell_change(c, pair, moments) for c, pair in zip(contrasts, members, strict=True)]
        influence = list(cell_influence(contrasts, solved, moments))
        labels = year_labels([c.cell for c in cells], counts, given.sample.estimand)
        return _Found(
            labels | {"group": [bins.labels[c.bin - 1] for c in cells]},
            np.array([s.estimate for s in solved]), moments.covariance(influence),
            _bin_shares(cells, bins.labels, moments, influence), n_dropped,
        )  # fmt: skip

    def _on_curve(self, given: Doses) -> "_Found":
        """Estimate curves from the treated firms' own paths and the moments of the others."""
        panel, amounts = given.sample.panel, given.treated
        moments, n_dropped = treatable(sample_moments(given.sample), panel.periods[0] + 1 + panel.anticipation)
        cells = year_cells(panel, np.unique(moments.cohort), self.comparison, "varying")
        if not cells:
            raise no_comparison()
        curve = self._curve(amounts)
        found = dose_curves(given, cells, curve, moments)
        estimand = given.sample.estimand if self.read == "total" else "acrt"
        labels = year_labels(found.cells, found.counts, estimand)
        labels["group"] = [plain(curve.points[j]) if j >= 0 else None for j in found.point]
        told = {"curve_cells_left_out": found.n_left_out, "points_outside": found.n_outside}
        notes = tuple(f"{key}:{n}" for key, n in told.items() if n)
        return _Found(labels, found.estimate, found.vcov, found.shares, n_dropped, notes)

    def _curve(self, amounts: NDArray[np.float64]) -> Curve:
        ends = float(amounts.min()), float(amounts.max())
        points = np.array(self.points) if self.points else rounded_quantiles(amounts, DECILES)
        inside = points[(points >= ends[0]) & (points <= ends[1])]
        if len(inside) < len(self.points):
            raise EstimationError(
                f"{len(self.points) - len(inside)} points lie outside the amounts of all treated firms",
                where="points", code="E_OPTION",
            )  # fmt: skip
        shares = [j / (self.n_wanted + 1) for j in range(1, self.n_wanted + 1)]
        inner = self.cuts or (tuple(rounded_quantiles(amounts, shares)) if shares else ())
        return Curve.through(ends, inner, self.degree, inside, is_slope=self.read == "marginal")


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """Rows and what goes with them into `Effects`."""

    labels: dict[str, list[object]]
    estimate: NDArray[np.float64]
    vcov: NDArray[np.float64]
    shares: CohortShares
    n_dropped: int
    notes: tuple[str, ...] = ()


def _bin_shares(
    cells: list[BinCell], names: list[str], moments: Moments, influence: list[NDArray[np.float64]]
) -> CohortShares:
    """Return the shares of cohorts divided by bins."""
    pairs = sorted({(c.cell.contrast.cohort, c.bin) for c in cells})
    code = (moments.stratum if moments.stratum is not None else 0) + moments.cohort * (len(names) + 1)
    wanted = np.array([cohort * (len(names) + 1) + j for cohort, j in pairs], dtype=np.int64)
    divided = dataclasses.replace(moments, cohort=code)
    return dataclasses.replace(
        cohort_shares(divided, wanted, influence),
        cohorts=np.array([cohort for cohort, _ in pairs], dtype=np.int64),
        groups=np.array([names[j - 1] for _, j in pairs]),
    )
