"""`evalkit unseal STUDY`."""

from pathlib import Path

import click

from evalkit.cli.plan_command import plan_options
from evalkit.cli.study_command import say


@click.command("unseal")
@plan_options
@click.option("--reason", required=True, help="Why effects are shown all the same; printed on every page.")
@click.option("--by", "name", required=True, metavar="NAME", help="Who decided it; printed too.")
def command(study_path: Path, reason: str, name: str, time: str, **options: object) -> None:
    """Show the effects of a locked plan although a check of the design fails. It is logged, and every page says so."""
    from evalkit import run
    from evalkit.errors import StudyError
    from evalkit.plan.lock import PlanFiles
    from evalkit.plan.log import add_line

    study, files = run.load_study(study_path), PlanFiles(study_path.resolve().parent)
    if not (reason.strip() and name.strip()):
        raise StudyError("a reason and a name are needed", where="--reason, --by", code="E_USAGE")
    if files.lock() is None:
        raise StudyError("no plan is locked, so nothing is sealed", where=str(study_path), code="E_NOT_LOCKED")
    add_line(files.log_path, "unseal", time, names=[name], reason=reason)
    record = {"study": study.id, "outputs": [str(files.log_path)], "time": time}
    say(record, [f"unseal: wrote {files.log_path}"], as_json=bool(options["as_json"]))
