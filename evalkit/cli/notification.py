"""Tell people that something was published, held, late or failed, through apprise.

The addresses hold secrets: no message, error or log ever has one. What libraries would log while sending is dropped.
"""

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from evalkit.errors import MissingExtraError

VARIABLE = "EVALKIT_NOTIFY"
"""Environment variable with further addresses, separated by spaces; unlike arguments, other users cannot see it."""
TITLE = "evalkit publish"


def addresses(given: Sequence[str]) -> list[str]:
    """Return the addresses given and those of the environment.

    Raises
    ------
    MissingExtraError
        There are some, and apprise is not installed.
    """
    found = [*given, *os.environ.get(VARIABLE, "").split()]
    if found and importlib.util.find_spec("apprise") is None:
        problem = "notifications need a package that is not installed"
        raise MissingExtraError(problem, where="--notify", hint="install evalkit[notify]")
    return found


def send(urls: Sequence[str], text: str) -> list[int]:
    """Send a message to every address; return the places, from 1, of those that it did not reach."""
    with _silent():
        return [place for place, url in enumerate(urls, start=1) if not _sent(url, text)]


def _sent(url: str, text: str) -> bool:
    import apprise

    try:
        one = apprise.Apprise()
        return bool(one.add(url) and one.notify(body=text, title=TITLE, body_format=apprise.NotifyFormat.TEXT))
    except Exception:  # a library's error may hold the address
        return False


@contextmanager
def _silent() -> Iterator[None]:
    """Drop all that is logged or warned of."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
