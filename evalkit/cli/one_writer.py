"""One writer at a time in a folder of outputs."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from evalkit.errors import BusyError


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder; without any output in the end, it is as if nobody had been here.

    Raises
    ------
    BusyError
        Another process holds it.
    """
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    handle = _locked(lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)
        with contextlib.suppress(OSError):
            for made in missing:
                made.rmdir()


def _locked(lock: Path) -> int:
    """Open and lock a file that still has its name once it is locked."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise BusyError(
                "another run is writing here", where=str(lock.parent), hint="wait until it has finished"
            ) from None
        if lock.exists() and os.fstat(handle).st_ino == lock.stat().st_ino:
            return handle
        os.close(handle)
