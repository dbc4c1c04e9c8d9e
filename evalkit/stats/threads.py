"""One BLAS thread, so that sums have one order whatever the number of cores."""

import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _controller(has_scipy: bool) -> Any:  # noqa: ANN401, ARG001 - a library without types; each answer is kept
    """Find the BLAS libraries once, and again when SciPy has brought its own: looking takes as long as a small fit."""
    import numpy  # noqa: F401 - the library must be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS at one thread; what uses that of `scipy.linalg` must have imported it before."""
    held: AbstractContextManager[Any] = _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")
    return held
