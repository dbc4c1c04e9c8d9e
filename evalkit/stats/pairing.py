"""Options of every method that makes pairs: how many controls, how often each, and who chooses first."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.stats.limits import Limits
from evalkit.stats.points import Order, Points, Rules


@dataclasses.dataclass(frozen=True)
class Pairing:
    """How many controls each treated firm gets, how often one control serves, and who chooses first.

    Parameters
    ----------
    ratio : int
        Controls wanted per treated firm; with max_controls the average.
    min_controls : int
        Fewest controls wanted per treated firm, with max_controls. Default: 1.
    max_controls : int
        Most controls wanted per treated firm: those with the largest scores, which few controls have, want the fewest,
        and the total is ratio times the number of treated firms. Default: ratio controls for each.
    replace : bool
        Whether a control may serve several treated firms.
    reuse_max : int
        With replacement, how many treated firms one control may serve. Default: any number.
    m_order : {"largest", "smallest", "closest", "random", "data"}
        Which treated firm chooses first: largest score, smallest score, the one with the nearest control, by the hash
        of firm id and seed, or by firm id. Default: largest for distances on the score, closest for others.
    ties : {"hash", "first"}
        Who goes first when scores or distances are equal: by the hash of firm id and seed, or the first firm id.
    """

    ratio: int = 1
    min_controls: int | None = None
    max_controls: int | None = None
    replace: bool = False
    reuse_max: int | None = None
    m_order: Order | None = None
    ties: Literal["hash", "first"] = "hash"

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ValueError("ratio must be 1 or more")
        if self.min_controls is not None and self.max_controls is None:
            raise ValueError("min_controls needs max_controls")
        if self.max_controls is not None and not 1 <= self.fewest < self.max_controls:
            raise ValueError("min_controls must be 1 or more, and below max_controls")
        if self.max_controls is not None and not self.fewest <= self.ratio <= self.max_controls:
            raise ValueError("ratio must be between min_controls and max_controls")
        if self.reuse_max is not None and (self.reuse_max < 1 or not self.replace):
            raise ValueError("reuse_max must be 1 or more, and needs replace = true")
        if self.m_order == "random" and self.ties == "first":
            raise ValueError("m_order 'random' is by the hash, so it needs ties = 'hash'")

    @property
    def fewest(self) -> int:
        """Fewest controls wanted per treated firm."""
        return self.min_controls or (self.ratio if self.max_controls is None else 1)

    def rules(self, treated: Points, caliper: float, limits: Limits) -> Rules:
        """Return the rules of matching these treated firms."""
        order = self.m_order or ("largest" if treated.place is None else "closest")
        capacity = self.reuse_max if self.replace else 1
        return Rules(self._quota(treated), caliper, capacity, order, limits)

    def _quota(self, treated: Points) -> int | NDArray[np.int64]:
        """Return how many controls each treated firm wants: ratio on average, the fewest for the largest scores.

        Reference
        ---------
        Ming and Rosenbaum (2000), Substantial gains in bias reduction from matching with a variable number of controls.
        """
        if self.max_controls is None:
            return self.ratio
        n = len(treated.tie)
        spare, most = (self.ratio - self.fewest) * n, self.max_controls - self.fewest
        by_score = np.full(n, self.fewest)
        by_score[n - spare // most :] += most
        if spare % most:
            by_score[n - spare // most - 1] += spare % most
        quota = np.empty(n, dtype=np.int64)
        quota[np.lexsort((treated.tie, -treated.score))] = by_score
        return quota

    def require_supply(self, n_treated: int, n_control: int, n_short_cells: int) -> None:
        """Refuse more controls than there are.

        Raises
        ------
        DesignError
            `E_TOO_FEW_CONTROLS`.
        """
        if self.replace or self.ratio * n_treated <= n_control:
            return
        cells = f"; {n_short_cells:,} exact cells are short of controls" if n_short_cells else ""
        raise DesignError(
            f"{n_treated:,} treated firms x ratio {self.ratio} need more than the {n_control:,} controls{cells}",
            code="E_TOO_FEW_CONTROLS",
            hint="lower the ratio, or let controls serve several treated firms with replace = true",
        )

    def n_short_cells(self, cell: NDArray[np.int64], treated: NDArray[np.bool_]) -> int:
        """Count the cells with treated firms whose controls do not suffice, whatever their distance.

        Parameters
        ----------
        cell : (n,) int64
            Cell of each firm, numbered from 0.
        treated : (n,) bool
            Which firms are treated.
        """
        size = int(cell.max(initial=0)) + 1
        n_treated, n_control = np.bincount(cell[treated], minlength=size), np.bincount(cell[~treated], minlength=size)
        wanted = np.where(n_treated > 0, self.ratio, 0) if self.replace else self.ratio * n_treated
        return int((n_control < wanted).sum())
