"""`evalkit compare RUN RUN`."""

from pathlib import Path
from typing import Any

import click

from evalkit.cli.study_command import json_option, say
from evalkit.errors import IntegrityError

WHY = ("study_sha256", "code_sha256", "seed", "versions", "inputs")
"""What a run depends on, as its manifest has it."""


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path, file_okay=False))
@click.argument("second", type=click.Path(path_type=Path, file_okay=False))
@json_option
def command(first: Path, second: Path, as_json: bool, debug: bool) -> None:
    """Say what changed between two runs of a study and why: FIRST and SECOND are their folders, OUT/<study id>."""
    del debug
    before, after = _manifest(first), _manifest(second)
    why = [line for name in WHY for line in _changes(name, before.get(name), after.get(name))]
    effects = _effects(first, second)
    record = {"why": why, "effects": effects}
    lines = [f"{'changed' if why else 'nothing that the runs depend on changed'}{': ' if why else ''}{', '.join(why)}"]
    lines += [
        f"{row['estimate_name']} {row['outcome']}: {_shown(row['before'])} -> {_shown(row['after'])}"
        + (f", {row['errors_moved']:+.2f} standard errors" if row["errors_moved"] is not None else "")
        for row in effects
    ]
    say(record, lines if effects else [*lines, "no effect changed"], as_json=as_json)


def _manifest(folder: Path) -> dict[str, Any]:
    from evalkit.model import store

    path = folder / "manifest.json"
    if not path.is_file():
        raise IntegrityError("no finished run", where=str(folder), code="E_MISSING_OUTPUT", hint="name OUT/<study id>")
    found: dict[str, Any] = store.read_json(path)
    return found


def _changes(name: str, before: Any, after: Any) -> list[str]:  # noqa: ANN401 - values of a manifest
    """Return the names of what differs: of parts, where there are such."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [f"{name}/{part}" for part in sorted({*before, *after}) if before.get(part) != after.get(part)]
    return [name] if before != after else []


def _effects(first: Path, second: Path) -> list[dict[str, Any]]:
    """Return the overall effects that differ, and by how many standard errors of the first run."""
    before, after = _overall(first), _overall(second)
    rows = []
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        moved = (new[0] - old[0]) / old[1] if old and new and old[1] > 0 else None
        rows.append({
            "estimate_name": key[0], "outcome": key[1], "before": old[0] if old else None,
            "after": new[0] if new else None, "errors_moved": moved,
        })  # fmt: skip
    return rows


def _overall(folder: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return estimate and standard error of each overall effect by estimate and outcome."""
    from evalkit.model.effects import Effects
    from evalkit.stats.aggregate import aggregate

    found = {}
    for path in sorted(p.parent for p in (folder / "effects").glob("*/effects.parquet")):
        table = aggregate(Effects.load(path)).table
        for outcome, estimate, error in table[["outcome", "estimate", "std_error"]].to_numpy().tolist():
            found[path.name, str(outcome)] = float(estimate), float(error)
    return found


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
