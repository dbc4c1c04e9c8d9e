"""No matching: every firm counts as it is."""

import dataclasses

import numpy as np

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import KEPT, MatchedSample
from evalkit.stats.pairs import pair_table


@dataclasses.dataclass(frozen=True)
class Method:
    """No matching: all firms of the panel, each with weight 1.

    For designs where all firms of the population are comparable, or where the estimator compares with firms that are
    not yet treated.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, section 2 (unconditional
    parallel trends).
    """

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:  # noqa: ARG002 - one signature for all methods
        """Return all firms with weight 1; what is the same for all of them takes no memory.

        Raises
        ------
        DesignError
            No firm is treated up to the last period (`E_NO_TREATED`).
        """
        n = panel.n_firms
        if not ((panel.cohort > 0) & (panel.cohort <= panel.periods[-1])).any():
            raise DesignError(
                "no treated firm in the panel",
                code="E_NO_TREATED",
                hint="check the programme, the award dates and the first and last period",
            )
        return MatchedSample(
            panel=panel,
            weight=np.broadcast_to(1.0, n),
            subclass=np.broadcast_to(np.int32(-1), n),
            distance=np.broadcast_to(np.nan, n),
            reason=np.broadcast_to(np.array(KEPT, dtype=object), n),
            pairs=pair_table(),
            method="none",
            options={},
        )
