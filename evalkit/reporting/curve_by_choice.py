"""A specification curve in short: what each choice does to the effect, from the released rows."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalkit.model.evaluation import Number, Row
from evalkit.reporting.disclosure.ledger import Ledger, part_of_id, row_of

CHOICES = ("method", "against", "adjustment", "scale", "winsor", "caliper", "firms", "without")
"""What specifications differ in, in the order in which it is told."""
UNITS = {
    "n_specifications": "plain", "percent_median": "percent", "percent_lowest": "percent", "percent_highest": "percent",
    "share_significant": "share",
}  # fmt: skip
Values = Mapping[str, Any]


def choices_made(rows: Sequence[Values]) -> list[tuple[str, str]]:
    """Return what is chosen and the value, for each choice that not all rows make alike; values in order."""
    values = {choice: sorted({str(row[choice]) for row in rows if choice in row}) for choice in CHOICES}
    return [(choice, value) for choice, found in values.items() if len(found) > 1 for value in found]


def summary(rows: Sequence[Values]) -> dict[str, float]:
    """Return how many specifications there are, the middle and both ends of their effects, and how many are clear.

    Parameters
    ----------
    rows : sequence of mappings
        At least one, with `estimate`, `conf_low` and `conf_high` in per cent.

    Returns
    -------
    dict
        By the names of `UNITS`: a count, three effects in per cent, and the share whose interval is without zero.
    """
    effects = [row["estimate"] for row in rows]
    return {
        "n_specifications": len(rows), "percent_median": statistics.median(effects), "percent_lowest": min(effects),
        "percent_highest": max(effects),
        "share_significant": sum(row["conf_low"] > 0 or row["conf_high"] < 0 for row in rows) / len(rows),
    }  # fmt: skip


def release_choices(ledger: Ledger, name: str, rows: Sequence[Row]) -> list[Row]:
    """Put the curve in short into the ledger: a row for all specifications, and one for each value of a choice.

    Only numbers that the ledger shows go in, so what comes out tells nothing that they do not.

    Parameters
    ----------
    ledger : Ledger
        Has the numbers of the curve, and gets those of the summary.
    name : str
        What the check is called.
    rows : sequence of Row
        The released specifications.
    """
    numbers = ledger.numbers
    told = [{**row.labels, **{key: numbers[i].value for key, i in row.numbers.items()}} for row in rows]
    shown = [row for row in told if None not in (row.get(key) for key in ("estimate", "conf_low", "conf_high"))]
    return [
        row_of({"choice": choice, "value": value}, {
            key: ledger.put(Number(f"checks.{part_of_id(name)}.{place}.{key}", found, UNITS[key], method=name))
            for key, found in summary(own).items()
        })
        for choice, value, place, own in _groups(shown)
    ]  # fmt: skip


def _groups(rows: Sequence[Values]) -> Iterator[tuple[str, str, str, Sequence[Values]]]:
    """Give what is chosen, the value, a part of an id and the rows that chose so; first all rows."""
    if rows:
        yield "all", "", "all", rows
    for choice, value in choices_made(rows):
        place = f"choices.{part_of_id(choice)}.{part_of_id(value)}"
        yield choice, value, place, [row for row in rows if str(row.get(choice)) == value]
