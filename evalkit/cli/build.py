"""`evalkit build STUDY [--report]`."""

from typing import Any

import click

from evalkit.cli.study_command import run_folder_options, run_stages, say


@click.command("build")
@click.option("--report", "is_report", is_flag=True, help="Also write and print the quality of the data.")
@run_folder_options
def command(is_report: bool, as_json: bool, debug: bool, **given: Any) -> None:  # noqa: ANN401
    """Read, check and link the sources into one row per firm."""
    del debug
    from evalkit.cli.run_folder import STAGES

    stages, ran = run_stages(["build"], **given)
    folder = stages.folder
    word = "wrote" if ran["build"] else "nothing changed:"
    record: dict[str, Any] = {"study": stages.study.id, "headline": None}
    lines = [f"build: {word} {folder.path / STAGES['build']}"]
    if is_report:
        from evalkit.etl import quality

        with folder.only_writer():
            found = stages.describe()
        record["quality"] = found
        lines += ["", *quality.lines(found)]
    record["outputs"] = [str(folder.path / name) for name in folder.outputs("build")]
    say(record, lines, as_json=as_json)
