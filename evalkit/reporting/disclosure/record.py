"""The record of a release in the shape of SACRO's: one output per table, with its status and what was hidden."""

from collections.abc import Sequence
from typing import Any

from evalkit.model.evaluation import Number, Release, Row
from evalkit.reporting.disclosure.profiles import profile_of

FILE = "acro.json"
RULES = ("minimum_count", "dominance", "p_percent", "influence", "secondary_suppression", "earlier_editions")
"""What every table has passed."""


def record(released: Release) -> dict[str, Any]:
    """Return the record: what an output checker who knows SACRO expects to find.

    The keys are those of the `results.json` of acro 1.0: `results` by uid, each with `status` ("pass", or "review"
    where something is hidden), `type`, `properties`, `outcome`, `summary`, `fair` and the rest. `timestamp` is empty:
    the same inputs give the same bytes on any day.
    """
    names = sorted(released.tables)
    version = released.provenance.get("versions", {}).get("evalkit", "")
    results = {f"output_{i}": _output(released, f"output_{i}", name) for i, name in enumerate(names)}
    return {"version": version, "tool": {"@type": "SoftwareApplication", "name": "evalkit"}, "results": results}


def _output(released: Release, uid: str, name: str) -> dict[str, Any]:
    rows, profile = released.tables[name], profile_of(released.study.disclosure)
    hidden = _hidden(rows, released.numbers)
    status = "review" if hidden else "pass"
    n_cells = sum(len(row.numbers) for row in rows)
    return {
        "uid": uid, "status": status, "type": "table", "command": "", "timestamp": "", "comments": [], "files": [],
        "properties": {"method": name, "mitigation": "suppress" if profile.rounding == "none" else "round"},
        "outcome": dict.fromkeys(hidden, "hidden"),
        "summary": f"{status}; {len(hidden)} of {n_cells} numbers hidden",
        "exception": "hidden cells are protected by an audit of all tables together" if hidden else "",
        "fair": {"profile": profile.name, "threshold": profile.threshold, "rules": list(RULES)},
    }  # fmt: skip


def _hidden(rows: Sequence[Row], numbers: dict[str, Number]) -> list[str]:
    return [i for row in rows for i in row.numbers.values() if numbers[i].value is None]
