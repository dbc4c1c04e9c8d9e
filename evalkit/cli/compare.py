"""`evalkit compare RUN RUN`."""

from pathlib import Path
from typing import Any

import click

from evalkit.cli.study_command import json_option, say


@click.command("compare")
@click.argument("folders", metavar="RUN RUN", nargs=2, type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
def command(folders: tuple[Path, Path], as_json: bool, debug: bool) -> None:
    """Say what changed between two runs and why: inputs, study, versions, verdicts, effects in standard errors."""
    del debug
    from evalkit.cli.rehash import read_manifest
    from evalkit.model import store
    from evalkit.model.check import load_checks
    from evalkit.plan.comparison import Run, compare

    runs = [
        Run(
            read_manifest(folder),
            store.read_json(folder / "release" / "results.json"),
            {c.name: c.verdict for c in load_checks(folder / "checks" / "checks.json")},
        )
        for folder in folders
    ]
    found = compare(*runs)
    say(found, _lines(found), as_json=as_json)


def _lines(found: dict[str, Any]) -> list[str]:
    """Write the comparison as aligned lines."""
    lines = [f"{found['runs'][0]} -> {found['runs'][1]}"]
    for part in ("study", "inputs", "code", "versions", "checks"):
        lines += [f"  {part:<9} {d['field']}: {d['before'] or '-'} -> {d['after'] or '-'}" for d in found[part]]
    lines += [_effect(row) for row in found["effects"] if row["changed"]]
    n_same = sum(not row["changed"] for row in found["effects"])
    return [*lines, f"  {n_same} of {len(found['effects'])} effects are the same", f"  why: {found['why']}"]


def _effect(row: dict[str, Any]) -> str:
    before, after, distance = (
        "-" if row[key] is None else f"{row[key]:.4g}" for key in ("before", "after", "standard_errors")
    )
    return f"  effect    {row['id']}: {before} -> {after}  ({distance} standard errors)"
