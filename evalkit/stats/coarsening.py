"""Coarser covariates: numbers cut into intervals, levels of categories put into groups."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import StudyError
from evalkit.stats.covariates import MISSING, Covariate

Rule = Literal["sturges", "fd", "scott"]
RULES: tuple[Rule, ...] = get_args(Rule)
Cuts = Rule | int | Sequence[float]
MOST_INTERVALS = 10_000
"""More intervals than this do not coarsen a number."""
_SCOTT = 3.5
"""Width of Scott's intervals, in standard deviations over the cube root of the number of firms."""


def cut_points(values: NDArray[np.float64], cuts: Cuts) -> NDArray[np.float64]:
    """Return the points, in ascending order, at each of which a new interval of a number begins.

    Parameters
    ----------
    values : (n,) float64
        Values of all firms compared, at least one.
    cuts : {"sturges", "fd", "scott"}, int or sequence of float
        A rule for the number of intervals of equal width between the smallest and the largest value (Sturges;
        Freedman and Diaconis, or Scott where the quartiles are equal; Scott), that number, or the points themselves.

    Raises
    ------
    StudyError
        `E_OPTION`: a rule asks for more than `MOST_INTERVALS` intervals.

    Reference
    ---------
    Sturges (1926), The choice of a class interval; Scott (1979), On optimal and data-based histograms; Freedman and
    Diaconis (1981), On the histogram as a density estimator.
    """
    if not isinstance(cuts, str | int):
        return np.unique(np.asarray(cuts, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    n_intervals = cuts if isinstance(cuts, int) else _by_rule(values, cuts, high - low)
    if n_intervals > MOST_INTERVALS:
        raise StudyError(
            f"rule '{cuts}' makes {n_intervals:.3g} intervals of a number with far values; at most {MOST_INTERVALS:,} "
            "can be made",
            where="cutpoints",
            code="E_OPTION",
            hint="give this covariate a number of intervals or its cut-points, or take its logarithm",
        )
    width = (high - low) / n_intervals
    return low + width * np.arange(1, n_intervals, dtype=np.float64)


def intervals(covariate: Covariate, cuts: Cuts, rows: NDArray[np.intp]) -> Covariate:
    """Return a number as a category of intervals; one that equals a cut-point belongs to the interval above it.

    Parameters
    ----------
    covariate : Covariate
        A number of all firms.
    cuts : {"sturges", "fd", "scott"}, int or sequence of float
        As in `cut_points`; they are made from the values of `rows`.
    rows : (n,) int
        Firms to be compared, whose values are known.
    """
    points = cut_points(covariate.values[rows], cuts)
    code = np.searchsorted(points, covariate.values, side="right").astype(np.int32)
    return Covariate(covariate.name, code, tuple(map(str, range(len(points) + 1))))


def grouped(covariate: Covariate, groups: Sequence[Sequence[str]]) -> Covariate:
    """Return a category whose levels are groups of levels; a level in no group stays by itself.

    Raises
    ------
    StudyError
        `E_OPTION`: not a category.
    """
    levels = covariate.levels
    if levels is None:
        raise StudyError(
            "only levels of a category can be grouped",
            where=f"grouping.{covariate.name}",
            code="E_OPTION",
            hint="cut a number into intervals with 'cutpoints'",
        )
    first = {level: group[0] for group in groups for level in group}
    names = tuple(sorted({first.get(level, level) for level in levels}))
    position = {name: i for i, name in enumerate(names)}
    place = np.array([*(position[first.get(level, level)] for level in levels), MISSING], dtype=np.int32)
    return Covariate(covariate.name, place[covariate.values], names)


def _by_rule(values: NDArray[np.float64], rule: Rule, spread: float) -> int:
    if rule == "sturges":
        return int(np.ceil(np.log2(len(values)) + 1))
    width = 0.0
    if rule == "fd":
        lower, upper = np.quantile(values, [0.25, 0.75])
        width = 2.0 * float(upper - lower)
    if width == 0 and len(values) > 1:
        width = _SCOTT * float(np.std(values, ddof=1))
    return max(1, int(np.ceil(spread / width * np.cbrt(len(values))))) if width else 1
