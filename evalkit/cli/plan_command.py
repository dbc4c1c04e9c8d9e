"""What the commands on a plan have in common: options, the study with its files, and the time."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from evalkit.model.study import Study
    from evalkit.plan.lock import PlanFiles


@dataclasses.dataclass(frozen=True, eq=False)
class Planned:
    """A study, what its lock would freeze now, and its lock and log."""

    study: "Study"
    frozen: dict[str, Any]
    files: "PlanFiles"


def plan_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add STUDY, `--root`, `--time`, `--json` and `--debug`."""
    from evalkit.cli.study_command import json_option, study_argument

    path = click.Path(path_type=Path, file_okay=False)
    function = click.option("--root", type=path, help="As for `evalkit build`.")(function)
    function = click.option(
        "--time", metavar="TIME", callback=_time,
        help="When this happens, in ISO form; by default SOURCE_DATE_EPOCH, or else the clock.",
    )(function)  # fmt: skip
    return study_argument(json_option(function))


def _time(_context: click.Context, _option: click.Parameter, given: str | None) -> str:
    from evalkit.plan.clock import time_of

    return time_of(given)


def planned(study_path: Path, root: Path | None) -> Planned:
    """Read a study and what its lock would freeze now."""
    from evalkit import run
    from evalkit.cli.planned import frozen
    from evalkit.cli.source_files import study_root
    from evalkit.etl.vintages import imported
    from evalkit.plan.lock import PlanFiles

    study, home = run.load_study(study_path), root or study_root(study_path)
    now = frozen(study, imported(study, home), study_path.resolve(), home)
    return Planned(study, now, PlanFiles(study_path.resolve().parent))


def is_opened(plan: Planned, out: Path) -> bool:
    """Whether outcomes were opened: effects of this study are below `out`, or the log says so."""
    from evalkit.cli.run_folder import MANIFEST, STAGES

    was_run = (out / plan.study.id / STAGES["estimate"] / MANIFEST).exists()
    return was_run or any(line["event"] in ("open", "unseal") for line in plan.files.log())
