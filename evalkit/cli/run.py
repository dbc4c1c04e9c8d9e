"""`evalkit run STUDY`."""

from pathlib import Path

import click

from evalkit.cli.study_command import run_folder_options, run_stages, say


@click.command("run")
@run_folder_options
def command(study_path: Path, out: Path, root: Path | None, threads: int | None, as_json: bool, debug: bool) -> None:
    """Evaluate a study: build, match, estimate, check, report. Stages whose inputs are unchanged do not run."""
    del debug
    from evalkit.cli.run_folder import HEADLINE, STAGES

    stages, ran = run_stages(list(STAGES), study_path, out, root, threads)
    folder = stages.folder.path
    outputs = [str(folder / name) for stage in STAGES for name in stages.folder.outputs(stage)]
    reports = [name for name in outputs if name.endswith(".html")]
    sentence = (folder / HEADLINE).read_text(encoding="utf-8").strip()
    lines = [sentence, *(f"  report: {name}" for name in reports)]
    if not any(ran.values()):
        lines.append("  nothing changed since the last run")
    record = {"study": stages.study.id, "outputs": outputs, "headline": sentence}
    say(record, lines, as_json=as_json)
