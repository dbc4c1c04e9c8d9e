"""`evalkit layouts [show NAME | infer FILE]`."""

from pathlib import Path

import click

from evalkit.cli.study_command import json_option, say


@click.group("layouts", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool, debug: bool) -> None:
    """List the layouts of source files, show one, or propose one for an unknown file."""
    del debug
    if context.invoked_subcommand is None:
        from evalkit.etl import layouts

        found = [layouts.load(name) for name in layouts.names()]
        rows = [{"name": one.name, "role": one.role, "about": one.about} for one in found]
        lines = [f"{one.name:<26} {one.role:<12} {one.about}" for one in found]
        say({"layouts": rows}, lines, as_json=as_json)


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool, debug: bool) -> None:
    """Print the layout NAME: its columns, their types, units and the headers they are known by."""
    del debug
    from evalkit.etl import layouts

    layouts.load(name)
    say({"name": name, "toml": layouts.text(name)}, [layouts.text(name).rstrip()], as_json=as_json)


@command.command("infer")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def infer(file: Path, as_json: bool, debug: bool) -> None:
    """Propose a layout for FILE and print it as TOML to edit. It holds headers of the file, never its values."""
    del debug
    from evalkit.errors import DataError
    from evalkit.etl.infer import propose

    if not file.is_file():
        raise DataError("no such file", where=str(file), code="E_NO_FILE", hint="check the path")
    found = propose(file)
    say({"layout": found.layout.name, "toml": found.toml()}, [found.toml().rstrip()], as_json=as_json)
