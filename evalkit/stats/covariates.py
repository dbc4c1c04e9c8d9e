"""Baseline covariates as arrays: numbers as float64, categories as level codes; and the cells they make."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.panel import Panel

MISSING = -1
_FEW_CODES = 2**16
"""Up to as many codes beyond the number of firms are counted rather than sorted."""


@dataclasses.dataclass(frozen=True, eq=False)
class Covariate:
    """One covariate of all firms.

    Parameters
    ----------
    name : str
        Its column in the panel.
    values : (n,) float64 or int32
        The numbers (NaN when missing), or for categories the position in `levels` (-1 when missing).
    levels : tuple of str, or None
        Sorted levels of a category; None for a number.
    """

    name: str
    values: NDArray[Any]
    levels: tuple[str, ...] | None = None

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Firms (n,) without a usable value."""
        missing: NDArray[np.bool_] = ~np.isfinite(self.values) if self.levels is None else self.values == MISSING
        return missing

    def take(self, rows: NDArray[np.intp]) -> "Covariate":
        """Return the covariate of some firms, with the levels that occur among them."""
        values = self.values[rows]
        if self.levels is None:
            return dataclasses.replace(self, values=values)
        present = np.zeros(len(self.levels) + 1, dtype=bool)
        present[values] = True
        place = np.cumsum(present[:-1], dtype=np.int32) - 1
        levels = tuple(level for level, is_here in zip(self.levels, present, strict=False) if is_here)
        return Covariate(self.name, np.where(values == MISSING, MISSING, place[values]), levels)


def read_covariates(panel: Panel, names: Iterable[str]) -> list[Covariate]:
    """Read covariates of all firms.

    Raises
    ------
    UnknownNameError
        Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
    """
    return [_read(panel, name, panel.covariate(name).kind) for name in names]


def _read(panel: Panel, name: str, kind: str) -> Covariate:
    if kind == "number":
        return Covariate(name, panel.read([name]).column(0).to_numpy().astype(np.float64, copy=False))
    coded = panel.read([name], categories=[name]).column(0).dictionary_encode().unify_dictionaries().combine_chunks()
    levels = coded.dictionary.to_pylist()
    by_name = sorted(range(len(levels)), key=lambda i: levels[i])
    place = np.empty(len(levels) + 1, dtype=np.int32)
    place[by_name] = np.arange(len(levels), dtype=np.int32)
    place[-1] = MISSING
    return Covariate(name, place[coded.indices.fill_null(MISSING).to_numpy()], tuple(levels[i] for i in by_name))


def dummies(covariate: Covariate) -> NDArray[np.float64]:
    """Return a number as it is, and a category as one column for each level but the first; NaN where missing."""
    if covariate.levels is None:
        return np.asarray(covariate.values, np.float64)[:, None]
    levels = np.arange(1, max(len(covariate.levels), 2))
    columns: NDArray[np.float64] = (covariate.values[:, None] == levels).astype(np.float64)
    columns[covariate.is_missing] = np.nan
    return columns


def any_missing(covariates: Sequence[Covariate], n_firms: int) -> NDArray[np.bool_]:
    """Return the firms (n_firms,) that lack at least one of the covariates."""
    missing = np.zeros(n_firms, dtype=bool)
    for covariate in covariates:
        missing |= covariate.is_missing
    return missing


def cells(covariates: Sequence[Covariate], rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the cell of each firm in `rows`: firms with equal values of all covariates share one.

    Cells are numbered in the order of their sorted values, the first covariate first; without covariates all is cell 0.
    """
    cell = np.zeros(len(rows), dtype=np.int64)
    for covariate in covariates:
        values = covariate.values[rows]
        if covariate.levels is None:
            _, values = np.unique(values, return_inverse=True)
        size = int(values.max(initial=0)) + 1
        cell = _renumbered(cell * size + values, (int(cell.max(initial=0)) + 1) * size)
    return cell


def _renumbered(code: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return codes (n,), all below `size`, numbered from 0 without gaps in the same order."""
    if size > len(code) + _FEW_CODES:
        return np.unique(code, return_inverse=True)[1]
    occurs = np.zeros(size, dtype=bool)
    occurs[code] = True
    return (np.cumsum(occurs) - 1)[code]
