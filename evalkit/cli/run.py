"""`evalkit run STUDY`."""

from pathlib import Path

import click

from evalkit.cli.study_command import run_folder_options, run_stages, say

PLAN_SAID = {
    "exploratory": "not locked before outcomes were seen: exploratory", "locked": "locked",
    "after_data": "locked after outcomes had been opened",
}  # fmt: skip


@click.command("run")
@run_folder_options
def command(study_path: Path, out: Path, root: Path | None, threads: int | None, as_json: bool, debug: bool) -> None:
    """Evaluate a study: build, match, estimate, check, report. Stages whose inputs are unchanged do not run."""
    del debug
    from evalkit.cli.run_folder import HEADLINE, STAGES
    from evalkit.model.plan import status_of

    stages, ran = run_stages(list(STAGES), study_path, out, root, threads)
    folder = stages.folder.path
    outputs = [str(folder / name) for stage in STAGES for name in stages.folder.outputs(stage)]
    reports = [name for name in outputs if Path(name).name.startswith("report.")]
    sentence = (folder / HEADLINE).read_text(encoding="utf-8").strip()
    lines = [sentence, *(f"  report: {name}" for name in reports)]
    lines.append(f"  plan: {PLAN_SAID[status_of(stages.plan)]}")
    if not any(ran.values()):
        lines.append("  nothing changed since the last run")
    record = {"study": stages.study.id, "outputs": outputs, "headline": sentence, "plan": status_of(stages.plan)}
    say(record, lines, as_json=as_json)
