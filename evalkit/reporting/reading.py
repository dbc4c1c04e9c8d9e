"""What may be said about an effect: bound to its interval and to whether the comparison holds."""

from typing import Literal

from evalkit.model.evaluation import Release, Row

Reading = Literal["positive", "negative", "null", "no_interval", "hidden", "unknown", "not_held"]


def reading(estimate: float | None, low: float | None, high: float | None) -> Reading:
    """Return what an estimate and its interval allow to say; an interval that touches zero allows no sign."""
    if estimate is None:
        return "unknown"
    if low is None or high is None:
        return "no_interval"
    return "positive" if low > 0 else "negative" if high < 0 else "null"


def reading_of(release: Release, row: Row) -> Reading:
    """Return the reading of a released effect."""
    if "estimate" in row.numbers and release.numbers[row.numbers["estimate"]].value is None:
        return "hidden"
    if not holds(release, row.labels["outcome"]):
        return "not_held"
    return reading(*(release.value(row, q) for q in ("estimate", "conf_low", "conf_high")))


def holds(release: Release, outcome: str) -> bool:
    """Say whether no test of paths before the award speaks against the comparison for an outcome."""
    for name, check in release.checks.items():
        if check.name != "pretrends":
            continue
        alpha = release.value(release.tables[f"checks/{name}/values"][0], "alpha") or 0.0
        for row in release.tables[f"checks/{name}"]:
            p_value = release.value(row, "p_value")
            if row.labels.get("outcome") == outcome and p_value is not None and p_value < alpha:
                return False
    return True
