"""What all commands on a study have in common: arguments, the run folder, progress and the closing words."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from evalkit.cli.stages import Stages


def json_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--json` and `--debug`, which `failures.exit_with` reads too."""
    function = click.option("--debug", is_flag=True, help="Show the traceback of an error; it may hold values.")(
        function
    )
    return click.option("--json", "as_json", is_flag=True, help="Print the result, or the errors, as JSON.")(function)


def study_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Add the argument STUDY."""
    path = click.Path(path_type=Path)
    return click.argument("study_path", metavar="STUDY", type=path)(function)


def run_folder_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add STUDY and the options of every command that writes into a run folder."""
    path = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--threads", type=click.IntRange(min=1), help="Cores to use; all by default. Same answer."),
        click.option("--root", type=path, help="Folder that source paths are relative to. By default the nearest "
                     "folder at or above the study that holds pyproject.toml, dvc.yaml, .git or pipelines."),
        click.option("--out", type=path, default=Path("reports/out"), show_default=True,
                     help="Outputs go to OUT/<study id>."),
    ):  # fmt: skip
        function = option(function)
    return study_argument(json_option(function))


def run_stages(
    names: Sequence[str], study_path: Path, out: Path, root: Path | None, threads: int | None
) -> "tuple[Stages, dict[str, bool]]":
    """Run some stages of a study while holding its folder.

    Returns
    -------
    stages : Stages
        The study with its folder.
    ran : dict of name to bool
        False for a stage whose outputs were already right.

    Raises
    ------
    MissingExtraError, ManyErrors
        A report is asked for in a format whose package is not installed; nothing has been run.
    """
    if threads:
        os.environ["EVALKIT_THREADS"] = str(threads)
    from evalkit import run
    from evalkit.cli.run_folder import RunFolder
    from evalkit.cli.source_files import study_root
    from evalkit.cli.stages import Stages
    from evalkit.engine.progress import progress, stage
    from evalkit.reporting import formats

    study = run.load_study(study_path)
    if "report" in names:
        formats.require(study.report.formats)
    stages = Stages(study, study_path, root or study_root(study_path), RunFolder(out / study.id))
    ran = {}
    with stages.folder.only_writer():
        for name in names:
            with progress(), stage(f"{study.id}: {name}"):
                ran[name] = stages.run(name)
        if names[-1] == "report":
            stages.finish()
    return stages, ran


def stage_command(stage: str, help_text: str) -> click.Command:
    """Make the command of one stage."""

    @click.command(stage, help=help_text)
    @run_folder_options
    def command(
        study_path: Path, out: Path, root: Path | None, threads: int | None, as_json: bool, debug: bool
    ) -> None:
        del debug
        from evalkit.cli.run_folder import STAGES

        stages, ran = run_stages([stage], study_path, out, root, threads)
        outputs = [str(stages.folder.path / name) for name in stages.folder.outputs(stage)]
        word = "wrote" if ran[stage] else "nothing changed:"
        record = {"study": stages.study.id, "outputs": outputs, "headline": None}
        say(record, [f"{stage}: {word} {stages.folder.path / STAGES[stage]}"], as_json=as_json)

    return command


def say(record: Mapping[str, object], lines: Sequence[str], *, as_json: bool) -> None:
    """Print the result as JSON or as lines for people."""
    click.echo(json.dumps(record, ensure_ascii=False, indent=1) if as_json else "\n".join(lines))
