"""Say what went wrong without a traceback, and exit with the code a scheduler can read."""

import json
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from evalkit.errors import EvalkitError, ManyErrors, ResourceError, StudyError, each

INTERRUPTED, TERMINATED = 130, 143


def exit_with(commands: click.Command, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit; deliberate errors are printed, unexpected ones named by their type only.

    Temporary files are removed and the lock is freed on Ctrl-C and on SIGTERM as on any error. `--debug` shows
    tracebacks, which may hold values.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        code = commands.main(given, prog_name="evalkit", standalone_mode=False)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if "--debug" in given:
            raise
        problems = problems_of(error)
        _print(problems, getattr(error, "__notes__", []), as_json="--json" in given)
        sys.exit(problems[0].exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def problems_of(error: Exception) -> list[EvalkitError]:
    """Turn any error into deliberate ones; an unexpected error's text may hold values and is left out."""
    if isinstance(error, EvalkitError | ManyErrors):
        return each(error)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "evalkit"
        return [StudyError(error.format_message(), where=command, code="E_USAGE", hint=f"{command} --help")]
    if isinstance(error, click.ClickException):
        return [StudyError(error.format_message(), code="E_USAGE")]
    if isinstance(error, MemoryError):
        return [ResourceError("memory ran out", code="E_MEMORY")]
    if isinstance(error, OSError) and error.strerror:
        return [ResourceError(error.strerror, where=str(error.filename or ""), code="E_FILE")]
    return [EvalkitError(f"unexpected {type(error).__name__}", hint="--debug shows where; its text may hold values")]


def _print(problems: list[EvalkitError], notes: list[str], *, as_json: bool) -> None:
    if as_json:
        record = {"error": [p.to_dict() for p in problems], "notes": notes}
        click.echo(json.dumps(record, ensure_ascii=False, indent=1))
        return
    for line in (*problems, *notes):
        click.echo(str(line), err=True)
