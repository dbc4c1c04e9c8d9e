"""Doses in bins: cut points, labels, and the cells of cohort, bin and year."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.cell_changes import Sides, sides
from evalkit.stats.moments import Moments
from evalkit.stats.year_cells import YearCell

MOST_BINS = 9
"""A label starts with the number of its bin, one digit, so that texts sort as bins do."""
DIGITS = 2
"""Significant digits of quantiles of doses: no firm's own amount can be read from them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Bins:
    """Bins of doses, each with its upper end in it.

    Parameters
    ----------
    cuts : (B - 1,) float64
        Where one bin ends and the next begins.
    """

    cuts: NDArray[np.float64]

    @property
    def labels(self) -> list[str]:
        """Labels of the B bins: "1: <= 200", "2: 200 to 500", "3: > 500"."""
        texts = [plain(c) for c in self.cuts]
        middle = [f"{i}: {low} to {high}" for i, (low, high) in enumerate(itertools.pairwise(texts), 2)]
        return [f"1: <= {texts[0]}", *middle, f"{len(texts) + 1}: > {texts[-1]}"]

    def of(self, dose: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the bin of each dose (n,), from 1; 0 where there is no dose."""
        return np.where(dose > 0, np.searchsorted(self.cuts, dose, side="left") + 1, 0).astype(np.int64)


def plain(value: float) -> str:
    """Return a dose as text without needless digits."""
    return f"{value:.15g}"


def rounded_quantiles(dose: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.float64]:
    """Return quantiles of doses (n,) to two significant digits, each once and in order."""
    raw = np.quantile(dose, shares, method="inverted_cdf")
    return np.unique([float(f"{value:.{DIGITS - 1}e}") for value in np.atleast_1d(raw)])


def declared_bins(dose: NDArray[np.float64], cuts: Sequence[float]) -> Bins:
    """Return the bins between cut points.

    Raises
    ------
    DesignError
        Some bin has no treated firm (`E_NO_TREATED`).
    """
    bins = Bins(np.array(cuts, dtype=np.float64))
    n = np.bincount(bins.of(dose), minlength=len(cuts) + 2)[1:]
    if not n.all():
        empty = ", ".join(label for label, size in zip(bins.labels, n, strict=True) if not size)
        raise DesignError(f"no treated firm has a dose in {empty}", where="cuts", code="E_NO_TREATED")
    return bins


def quantile_bins(dose: NDArray[np.float64], n_bins: int) -> Bins:
    """Return bins with about as many treated firms each; fewer bins where doses are the same for many.

    Raises
    ------
    DesignError
        All treated firms are in one bin (`E_NO_VARIANCE`).
    """
    cuts = rounded_quantiles(dose, [j / n_bins for j in range(1, n_bins)])
    held = np.unique(np.searchsorted(cuts, dose, side="left"))
    if len(held) < 2:
        raise DesignError(
            "the doses of treated firms are so alike that they fall into one bin", where="bins",
            code="E_NO_VARIANCE", hint="declare cut points with `cuts`",
        )  # fmt: skip
    return Bins(cuts[held[:-1]])


@dataclasses.dataclass(frozen=True)
class BinCell:
    """One outcome and year of a cohort's firms in one bin (from 1)."""

    cell: YearCell
    bin: int


def bin_cells(
    cells: Sequence[YearCell], n_bins: int, moments: Moments
) -> tuple[list[BinCell], list[Sides], NDArray[np.int64]]:
    """Return the cells with firms on both sides, which groups of firms those are, and their numbers (K, 2).

    Parameters
    ----------
    cells : sequence of YearCell
        Of whole cohorts.
    n_bins : int
        Number of bins.
    moments : Moments
        The bin of treated firms as the stratum.
    """
    found, members, counts = [], [], []
    for cell in cells:
        own, others = sides(cell.contrast, moments)
        for j in range(1, n_bins + 1):
            treated = own & (moments.stratum == j)
            pair = [int(moments.n[side].sum()) for side in (treated, others)]
            if math.prod(pair):
                found.append(BinCell(cell, j))
                members.append((treated, others))
                counts.append(pair)
    return found, members, np.array(counts, dtype=np.int64).reshape(-1, 2)
