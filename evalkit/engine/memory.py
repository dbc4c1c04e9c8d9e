"""Where Arrow takes memory from while a pass runs."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def system_memory() -> Iterator[None]:
    """Let Arrow use the system's allocator, and what it used before afterwards.

    A pass allocates blocks of one size over and over. The system's allocator hands the last block out again; Arrow's
    own returns it to the kernel and asks for new pages, which takes a sixth of all CPU time of a build.
    """
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
