"""What changed between two runs, and why."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from evalkit.model.plan import Deviation
from evalkit.plan.deviations import differences

ESTIMATE, STD_ERROR = ".estimate", ".std_error"
CAUSES = {"study": "the study", "inputs": "the input files", "code": "evalkit itself", "versions": "other packages"}
UNEXPLAINED = (
    "nothing that a run records has changed, and yet effects did; `evalkit verify` says which run is not sound"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One run as far as it is compared.

    Parameters
    ----------
    manifest : dict
        Its `manifest.json`.
    results : list of dict
        Its `results.json`: released numbers only.
    verdicts : dict of str
        Verdict by check.
    """

    manifest: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    verdicts: Mapping[str, str]


def compare(before: Run, after: Run) -> dict[str, Any]:
    """Compare two runs.

    Returns
    -------
    dict
        "study", "inputs", "code", "versions" and "checks": lists of `field`, `before`, `after`. "effects": every
        released estimate of either run by `id`, with `standard_errors`, the change in units of the standard error of
        the first run (None where either is hidden or missing). "why": which of these can have changed the effects.
    """
    one, two = before.manifest, after.manifest
    found: dict[str, Any] = {
        "runs": [f"{m['study']['id']} ({m['study_sha256'][:12]})" for m in (one, two)],
        "study": _rows("study", one["study"], two["study"]),
        "inputs": _rows("files", one["inputs"], two["inputs"]),
        "code": _rows("code", one["code_sha256"], two["code_sha256"]),
        "versions": _rows("versions", one["versions"], two["versions"]),
        "checks": _rows("study", before.verdicts, after.verdicts),
        "effects": effect_changes(before.results, after.results),
    }
    return {**found, "why": _why(found)}


def _rows(part: str, before: Any, after: Any) -> list[dict[str, str]]:  # noqa: ANN401
    return [_row(d, part) for d in differences({part: before}, {part: after}, {})]


def _row(found: Deviation, part: str) -> dict[str, str]:
    return {
        "field": found.field.removeprefix(f"{part}."), "before": found.planned.strip('"'),
        "after": found.found.strip('"'),
    }  # fmt: skip


def effect_changes(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the changes of all effects of two releases, given as their `results.json`: "effects" of `compare`."""
    values = [{number["id"]: number["value"] for number in side} for side in (before, after)]
    ids = sorted({i for side in values for i in side if i.startswith("effects.") and i.endswith(ESTIMATE)})
    return [_effect(i.removesuffix(ESTIMATE), *values) for i in ids]


def _effect(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    old, new = before.get(f"{name}{ESTIMATE}"), after.get(f"{name}{ESTIMATE}")
    error = before.get(f"{name}{STD_ERROR}")
    distance = None if old is None or new is None or not error else (new - old) / error
    return {
        "id": name.removeprefix("effects."), "before": old, "after": new, "standard_errors": distance,
        "changed": old != new,
    }  # fmt: skip


def _why(found: Mapping[str, Any]) -> str:
    causes = [text for part, text in CAUSES.items() if found[part]]
    if not any(row["changed"] for row in found["effects"]):
        return f"no effect changed, although {', '.join(causes)} did" if causes else "nothing changed"
    return f"effects changed, and so did {', '.join(causes)}" if causes else UNEXPLAINED
