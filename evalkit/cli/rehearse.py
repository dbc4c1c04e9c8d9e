"""`evalkit rehearse STUDY`."""

import os
from pathlib import Path

import click

from evalkit.cli.study_command import run_folder_options, say


@click.command("rehearse")
@run_folder_options
@click.option(
    "--files",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write made-up sources in the study's own columns to FOLDER, and rehearse from them to the report.",
)
def command(
    study_path: Path, out: Path, root: Path | None, files: Path | None, threads: int | None, **shown: bool
) -> None:  # fmt: skip
    """Rehearse a study before outcomes are opened: on its own firms, with made-up outcomes, without and with an effect.

    Says the smallest effect that the study finds with 80 % probability, and whether it recovers planted effects and
    their absence; exit code 4 when it does not. Firm-years after the baseline are not read. Outputs go to
    OUT/<study id>/rehearsal, and `evalkit lock` takes them into the plan.

    With --files, FOLDER/null and FOLDER/planted have made-up awards, firms and firm-years where the study has its own,
    without and with the effect; FOLDER/truth.json says what was put in.
    """
    if threads:
        os.environ["EVALKIT_THREADS"] = str(threads)
    from evalkit.cli.plan_command import planned
    from evalkit.cli.rehearsals import rehearsed, require_recovered
    from evalkit.cli.run_folder import REHEARSE
    from evalkit.cli.source_files import study_root
    from evalkit.engine.progress import progress, stage

    plan = planned(study_path, root)
    with progress(), stage(f"{plan.study.id}: rehearse"):
        folder, found, is_new = rehearsed(plan, out, root or study_root(study_path), files)
    require_recovered(found)
    outputs = [str(folder.path / name) for name in folder.outputs(REHEARSE)]
    lines = [found.sentences["en"], *(f"  {'wrote' if is_new else 'nothing changed:'} {name}" for name in outputs)]
    say(
        {"study": plan.study.id, "outputs": outputs, "headline": found.sentences["en"]}, lines, as_json=shown["as_json"]
    )
