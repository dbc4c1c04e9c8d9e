"""Run a pass over the blocks of a panel on this machine.

A pass is `kernel(block) -> partial`; partials come back in block order, so threads and memory cannot change the answer.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from evalkit.engine.progress import firms_done
from evalkit.model.panel import Panel
from evalkit.model.store import BLOCK_FIRMS
from evalkit.stats.threads import one_thread

if TYPE_CHECKING:
    import pyarrow as pa

S = TypeVar("S")
T = TypeVar("T")


def threads() -> int:
    """Threads a pass may use: `EVALKIT_THREADS`, or all cores."""
    return max(1, int(os.environ.get("EVALKIT_THREADS", "0")) or len(os.sched_getaffinity(0)))


def map_blocks(panel: Panel, columns: Sequence[str], kernel: "Callable[[pa.RecordBatch, int], T]") -> Iterator[T]:
    """Yield `kernel(block, first_row)` for each block of 131,072 firms, in block order.

    Few blocks are in flight at a time, so memory does not grow with the panel. BLAS runs on one thread inside a block.
    """
    n_threads = threads()
    waiting: deque[tuple[Future[T], int]] = deque()
    row = 0
    with one_thread(), ThreadPoolExecutor(n_threads) as pool, firms_done(lambda: panel.n_firms) as done:

        def next_result() -> T:
            partial, n = waiting.popleft()
            found = partial.result()
            done(n)
            return found

        for block in panel.batches(columns):
            waiting.append((pool.submit(kernel, block, row), block.num_rows))
            row += block.num_rows
            if len(waiting) > n_threads:
                yield next_result()
        while waiting:
            yield next_result()


def map_rows(n_rows: int, kernel: Callable[[slice], T]) -> Iterator[T]:
    """Yield `kernel(rows)` for the same blocks of data that are held in memory, in block order."""
    starts = range(0, n_rows, BLOCK_FIRMS)
    return map_items([slice(start, min(start + BLOCK_FIRMS, n_rows)) for start in starts], kernel)


def map_items(items: Iterable[S], kernel: Callable[[S], T]) -> Iterator[T]:
    """Yield `kernel(item)` for things that are held in memory, in their order."""
    with one_thread(), ThreadPoolExecutor(threads()) as pool:
        yield from pool.map(kernel, items)
