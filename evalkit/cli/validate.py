"""`evalkit validate STUDY`."""

from pathlib import Path

import click

from evalkit.cli.study_command import json_option, say, study_argument


@click.command("validate")
@study_argument
@json_option
def command(study_path: Path, as_json: bool, debug: bool) -> None:
    """Check a study file: keys, values, methods and options; all problems at once. No data are read."""
    del debug
    from evalkit import run

    study = run.load_study(study_path)
    chosen = [study.match.method, *(e.method for e in study.estimate), *(c.method for c in study.check)]
    say(
        {"study": study.id, "outputs": [], "headline": None},
        [f"{study.id}: valid ({', '.join(chosen)})"],
        as_json=as_json,
    )
