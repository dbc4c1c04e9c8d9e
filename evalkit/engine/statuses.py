"""Which years each firm is supported in, firms with the same years together."""

import dataclasses

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.local import map_blocks
from evalkit.errors import EstimationError, StudyError
from evalkit.model.panel import Panel
from evalkit.stats.switches import until_first_switch

MOST_PATHS = 4_096
"""Paths of status that are told apart: each keeps sums of products of all periods."""


@dataclasses.dataclass(frozen=True, eq=False)
class Statuses:
    """The paths of status that occur.

    Parameters
    ----------
    label : (n_firms,) int64
        Path of each firm.
    paths : (P, T) bool
        Whether firms of a path are supported in each period.
    """

    label: NDArray[np.int64]
    paths: NDArray[np.bool_]


def read_statuses(panel: Panel, *, is_whole: bool) -> Statuses:
    """Read in which periods firms have an award, of a known amount or not.

    Parameters
    ----------
    panel : Panel
        With an award path.
    is_whole : bool
        Tell whole paths apart, or only the first status and the period of its first change.

    Raises
    ------
    StudyError
        The panel has no award path (`E_OPTION`).
    EstimationError
        There are more than 4,096 paths (`E_TOO_LARGE`).
    """
    columns, n_periods = panel.award_columns, len(panel.periods)
    if not columns:
        raise StudyError(
            "the panel does not say in which years firms have awards", where="treatment.path", code="E_OPTION",
            hint="set path = true in [treatment], or give `award` to `Panel.from_frame`",
        )  # fmt: skip
    bits = np.left_shift(np.int64(1), np.arange(n_periods))

    def kernel(block: pa.RecordBatch, _row: int) -> NDArray[np.int64]:
        code = np.zeros(block.num_rows, np.int64)
        for bit, name in zip(bits, columns, strict=True):
            code |= np.where(block.column(name).to_numpy(zero_copy_only=False) != 0.0, bit, 0)
        return code

    code = np.concatenate(list(map_blocks(panel, columns, kernel)))
    known, label = np.unique(code, return_inverse=True)
    paths = (known[:, None] & bits) != 0
    if not is_whole:
        paths, place = np.unique(until_first_switch(paths), axis=0, return_inverse=True)
        label = place[label]
    if len(paths) > MOST_PATHS:
        raise EstimationError(
            f"awards make {len(paths):,} paths of years, more than {MOST_PATHS:,}", where="treatment.path",
            code="E_TOO_LARGE", hint='changes = "first_change" without normalised needs only the first change',
        )  # fmt: skip
    return Statuses(label.astype(np.int64), paths)
