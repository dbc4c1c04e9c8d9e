"""Optimal pair matching."""

import dataclasses

import numpy as np

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.assignment import optimal_pairs
from evalkit.stats.measure import Measure, Measured
from evalkit.stats.pairs import pair_table, pair_weights

MOST_PAIRS = 20_000_000
"""Pairs to choose from within a cell, each treated firm counted `ratio` times: 4,500 x 4,500 take a minute or two."""


@dataclasses.dataclass(frozen=True)
class Method(Measure):
    """Optimal pair matching: the pairs whose distances add up to the least, each control used once.

    As many treated firms as possible get a control. For cells of up to 20,000,000 pairs to choose from (say 1,000
    treated firms and 20,000 controls); larger ones are refused, and method "nearest" takes them. Firms at a level of a
    category that only treated or only untreated firms have are dropped first.

    Parameters
    ----------
    ratio : int
        Controls wanted per treated firm.

    Reference
    ---------
    Rosenbaum (1989), Optimal matching for observational studies.
    """

    ratio: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio < 1:
            raise ValueError("ratio must be 1 or more")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the treated firms that found a control, with their controls.

        Raises
        ------
        DesignError
            No treated firm or no control, too few controls (`E_TOO_FEW_CONTROLS`), covariates that are collinear or
            separate the groups, no pair within the calipers (`E_NO_OVERLAP`), or a cell too large (`E_TOO_LARGE`).
        UnknownNameError
            Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
        """
        measured = self.measured(panel, seed)
        n_short = self._n_short_cells(measured)
        is_near = np.zeros(panel.n_firms, dtype=bool)
        parts = [np.zeros((0, 2), dtype=np.int64)]
        gaps = [np.zeros(0)]
        for block in measured.blocks():
            treated, control = optimal_pairs(block.gap, self.ratio)
            is_near[block.treated] = np.isfinite(block.gap).any(axis=1)
            parts.append(np.stack([block.treated[treated], block.control[control]], axis=1))
            gaps.append(block.gap[treated, control])
        pairs, gap = np.concatenate(parts), np.concatenate(gaps)
        order = np.argsort(pairs[:, 0], kind="stable")
        (treated, control), gap = pairs[order].T, gap[order]
        weight, subclass = pair_weights(treated, control, panel.n_firms)
        kept = measured.with_reasons(weight > 0, is_near)
        _, first, n_controls = np.unique(treated, return_index=True, return_counts=True)
        turn = np.arange(len(treated)) - np.repeat(first, n_controls)
        notes = measured.notes()
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=subclass,
            distance=measured.score,
            reason=kept.reason,
            pairs=pair_table(treated, control, gap, subclass[treated], turn),
            method="optimal",
            options=self.options_for(panel),
            estimand=measured.found.estimand(kept),
            notes=(*notes, f"short_cells:{n_short}") if n_short else notes,
        )

    def _n_short_cells(self, measured: Measured) -> int:
        """Count the exact cells whose controls do not suffice; too few in all, or a cell too large, are refused."""
        n_treated, n_control = measured.sizes().T
        n_short = int((n_control < self.ratio * n_treated).sum()) if self.exact else 0
        if self.ratio * n_treated.sum() > n_control.sum():
            cells = f"; {n_short:,} exact cells are short of controls" if n_short else ""
            raise DesignError(
                f"{n_treated.sum():,} treated firms x ratio {self.ratio} need more than the {n_control.sum():,} "
                f"controls{cells}",
                code="E_TOO_FEW_CONTROLS",
                hint="lower the ratio, or let controls serve several treated firms with method 'full'",
            )
        n_copies = self.ratio * n_treated
        measured.require_size(np.stack([n_copies, np.maximum(n_control, n_copies)], axis=1), MOST_PAIRS)
        return n_short
