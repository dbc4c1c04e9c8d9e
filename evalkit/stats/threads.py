"""One BLAS thread, so that sums have one order whatever the number of cores."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:  # noqa: ANN401 - a library without types
    """Find the BLAS libraries once: looking for them takes as long as a small regression."""
    import numpy  # noqa: F401 - the libraries must be loaded to be found
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS at one thread."""
    held: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return held
