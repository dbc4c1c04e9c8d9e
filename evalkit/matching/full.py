"""Optimal full matching."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.assignment import Edges, full_match, limited_full_match
from evalkit.stats.measure import Measure
from evalkit.stats.pairs import pair_table
from evalkit.stats.strata import stratify

MOST_PAIRS = 20_000_000
"""Pairs of a treated firm and a control within a cell: 4,500 x 4,500 take seconds."""
MOST_LIMITED = 500_000
"""The same when sets are limited in size: 500 x 1,000 take seconds to a minute."""
_ROUNDING = 1e-9
"""A third is no fraction of two, yet 1 / min_controls is 3."""


@dataclasses.dataclass(frozen=True)
class Method(Measure):
    """Optimal full matching: sets of one treated firm with controls, or one control with treated firms, hold all firms.

    The sets are those whose distances within add up to the least. Controls of a set are weighted so that they count as
    much as its treated firms. No firm is dropped but for exact cells, calipers and limits. For cells of up to
    20,000,000 pairs of a treated firm and a control (500,000 with `min_controls` or `max_controls`); larger ones are
    refused, and method "nearest" takes them. Firms at a level of a category that only treated or only untreated firms
    have are dropped first.

    Parameters
    ----------
    min_controls : float
        Fewest controls per treated firm of a set. 0.5 allows two treated firms with one control. Default: any number.
    max_controls : int
        Most controls of a set; controls that then find no place are dropped. Default: any number.

    Reference
    ---------
    Rosenbaum (1991), A characterization of optimal designs for observational studies; Hansen (2004), Full matching in
    an observational study of coaching for the SAT.
    """

    min_controls: float | None = None
    max_controls: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        fewest = self.min_controls
        if fewest is not None and (fewest <= 0 or (fewest > 1 and fewest != int(fewest))):
            raise ValueError("min_controls must be a whole number, or a share above 0 and below 1")
        if self.max_controls is not None and self.max_controls < max(1, fewest or 0):
            raise ValueError("max_controls must be 1 or more, and not below min_controls")

    @property
    def _fewest(self) -> int:
        """Fewest controls of a treated firm that shares them with no other."""
        return max(1, int(self.min_controls or 1))

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return all firms that can be compared, in matched sets.

        Raises
        ------
        DesignError
            No treated firm or no control, covariates that are collinear or separate the groups, no pair within the
            calipers (`E_NO_OVERLAP`), fewer controls than `min_controls` (`E_TOO_FEW_CONTROLS`), or a cell too large
            (`E_TOO_LARGE`).
        UnknownNameError
            Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
        """
        measured = self.measured(panel, seed)
        is_limited = self.min_controls is not None or self.max_controls is not None
        measured.require_size(measured.sizes(), MOST_LIMITED if is_limited else MOST_PAIRS)
        member = np.full(panel.n_firms, -1)
        is_near = np.zeros(panel.n_firms, dtype=bool)
        n_sets = n_short = 0
        for block in measured.blocks():
            treated, control = self._pairs(block.gap)
            near = np.asarray(np.isfinite(block.gap).any(axis=1))
            is_near[block.treated] = near
            n_short += int((np.bincount(treated, minlength=len(near))[near] < self._fewest).sum())
            number = _sets(treated, control) + n_sets
            member[block.treated[treated]] = member[block.control[control]] = number
            n_sets = int(number.max(initial=n_sets - 1)) + 1
        if n_short and self._fewest > 1:
            raise DesignError(
                f"{n_short:,} treated firms cannot get {self._fewest} controls",
                code="E_TOO_FEW_CONTROLS",
                hint="lower min_controls, or widen the calipers",
            )
        kept = measured.with_reasons(member >= 0, is_near)
        strata = stratify(kept, member)
        return MatchedSample(
            panel=panel,
            weight=strata.weight,
            subclass=strata.subclass,
            distance=measured.score,
            reason=kept.reason,
            pairs=pair_table(),
            method="full",
            options=self.options_for(panel),
            estimand=measured.found.estimand(kept),
            notes=measured.notes(),
        )

    def _pairs(self, gap: NDArray[np.float64]) -> Edges:
        """Return the pairs of one cell."""
        if self.min_controls is None and self.max_controls is None:
            return full_match(gap)
        most_treated = np.inf if self.min_controls is None else max(1.0, np.floor(1.0 / self.min_controls + _ROUNDING))
        most_controls = np.inf if self.max_controls is None else float(self.max_controls)
        return limited_full_match(gap, (self._fewest, most_controls), most_treated)


def _sets(treated: NDArray[np.int64], control: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the set of each pair, numbered from 0 in the order of the treated firms that come first in it."""
    n_controls, n_treated = np.bincount(treated), np.bincount(control)
    centre = np.where(n_treated[control] > 1, len(n_controls) + control, treated)
    _, first, number = np.unique(centre, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]
