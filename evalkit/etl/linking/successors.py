"""Follow mergers from a firm to the one that exists now."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def resolve_successors(firms: "pa.ChunkedArray", mergers: "pa.Table") -> "pa.Array":
    """Return the last successor of each firm, or the firm itself where it was never absorbed.

    Parameters
    ----------
    firms : ChunkedArray of string (n,)
        Firm ids; null stays null.
    mergers : Table
        `firm_id` and `successor_id`, one row per absorbed firm; equal rows count once.

    Returns
    -------
    Array of string (n,)
        A -> B -> C gives C for A and for B.

    Raises
    ------
    DataError
        The successors of some firms lead back to themselves (`E_SUCCESSOR_CYCLE`), or a firm has two successors
        (`E_SUCCESSOR_TWICE`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    pairs = mergers.select(["firm_id", "successor_id"]).drop_null().group_by(["firm_id", "successor_id"]).aggregate([])
    absorbed = pairs["firm_id"]
    n_twice = len(pairs) - pc.count_distinct(absorbed).as_py()
    if n_twice:
        raise _refused(f"{n_twice} firms have two successors", "E_SUCCESSOR_TWICE", "keep the last merger of each firm")
    known = pc.unique(pa.chunked_array([*absorbed.chunks, *pairs["successor_id"].chunks], absorbed.type))
    successor = np.arange(len(known))
    successor[pc.index_in(absorbed, known).to_numpy()] = pc.index_in(pairs["successor_id"], known).to_numpy()
    last = known.take(pa.array(_last(successor, pc.index_in(absorbed, known).to_numpy())))
    return pc.coalesce(last.take(pc.index_in(firms, known)), firms).combine_chunks()


def _last(successor: NDArray[np.int64], absorbed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the end of each chain by doubling the steps; after log2(n) rounds only cycles have not ended."""
    is_end = np.ones(len(successor), bool)
    is_end[absorbed] = False
    for _ in range(len(successor).bit_length()):
        successor = successor[successor]
    n_circling = int((~is_end[successor]).sum())
    if n_circling:
        raise _refused(
            f"the successors of {n_circling} firms lead in a circle",
            "E_SUCCESSOR_CYCLE",
            "correct one of their mergers",
        )
    return successor


def _refused(problem: str, code: str, hint: str) -> DataError:
    return DataError(problem, where="successors", code=code, hint=hint)
