"""The time that locks and log lines carry. Nothing else in evalkit knows what day it is."""

import datetime as dt
import os

from evalkit.errors import StudyError


def time_of(given: str | None = None) -> str:
    """Return a time as UTC to the second, "2026-04-01T00:00:00Z".

    Parameters
    ----------
    given : str, optional
        A time in ISO form; UTC where it has no offset. Else the environment's `SOURCE_DATE_EPOCH` (seconds since 1970)
        is taken, else the clock.

    Raises
    ------
    StudyError
        `E_TIME`: not a time.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        if given is not None:
            time = dt.datetime.fromisoformat(given)
            time = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
        else:
            time = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch else dt.datetime.now(dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        where = "--time" if given is not None else "SOURCE_DATE_EPOCH"
        raise StudyError(
            "not a time", where=where, code="E_TIME", hint="for example 2026-04-01T09:00:00+09:00"
        ) from error
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
