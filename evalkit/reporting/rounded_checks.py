"""Statistics of a check recomputed from rounded counts, so that they do not tell the exact ones."""

from collections.abc import Mapping
from typing import Any

from evalkit.reporting.disclosure.counts import known
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.rounding import rounded_share

Record = Mapping[str, Any]


def recomputed(record: Record, shares: Mapping[str, tuple[int, int]], profile: Profile) -> dict[str, Any]:
    """Return a record with every share recomputed.

    Parameters
    ----------
    record : dict
        A row of a check's table, or its values.
    shares : dict of column to (int, int)
        Columns that are shares of a category, with counts above and below.
    profile : Profile
        How counts are rounded; a profile that does not round leaves the record as it is.

    Returns
    -------
    dict
        Without shares of which the counts are not known, and without differences between shares of a category.
    """
    if profile.rounding == "none":
        return dict(record)
    told = {key: _of_counts(record, key) for key in record if _is_share(record, key)} | dict(shares)
    kept = {k: v for k, v in record.items() if k not in told and not (shares and "smd" in k)}
    return kept | {key: rounded_share(*counts, profile) for key, counts in told.items() if counts is not None}


def _is_share(record: Record, key: str) -> bool:
    is_copy = key == "statistic" and known(record.get("share")) and record[key] == record["share"]
    return key == "share" or key.startswith("share_") or is_copy


def _of_counts(record: Record, key: str) -> tuple[int, int] | None:
    """Return the counts that a share is of, found among the others of its record."""
    below = record.get("n_treated")
    counts = [n for k, n in record.items() if k.startswith("n_") and k != "n_treated"]
    if not known(below) or not below or not known(record[key]):
        return None
    return next(((n, below) for n in counts if known(n) and n / below == record[key]), None)
