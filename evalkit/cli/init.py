"""`evalkit init [DIR] [--example NAME]`."""

from importlib import resources
from pathlib import Path

import click

from evalkit.cli.study_command import json_option, say


@click.command("init")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--example", metavar="NAME", help="Write a whole example with its data: study file, plan and sources.")
@json_option
def command(folder: Path, example: str | None, as_json: bool, debug: bool) -> None:
    """Write a commented study file to start from, or an example, into DIR."""
    del debug
    written = _template(folder) if example is None else _example(example, folder)
    say(
        {"study": example, "outputs": written, "headline": None}, [f"wrote {name}" for name in written], as_json=as_json
    )


def _template(folder: Path) -> list[str]:
    from evalkit.errors import StudyError
    from evalkit.model import store

    path = folder / "study.toml"
    if path.exists():
        raise StudyError("a study file is already there", where=str(path), code="E_EXISTS", hint="choose another DIR")
    store.write_text(path, resources.files("evalkit.cli").joinpath("study_template.toml").read_text(encoding="utf-8"))
    return [str(path)]


def _example(name: str, folder: Path) -> list[str]:
    from evalkit import examples
    from evalkit.errors import StudyError, UnknownNameError, did_you_mean

    if name not in examples.NAMES:
        hint = did_you_mean(name, examples.NAMES)
        raise UnknownNameError(f"unknown example '{name}'", where="--example", hint=hint)
    if (folder / "pipelines" / name).is_dir() and any((folder / "sample_data" / name).glob("firm_years.*")):
        raise StudyError("the example is already there", where=str(folder), code="E_EXISTS", hint="choose another DIR")
    return [str(path) for path in examples.write(name, folder)]
