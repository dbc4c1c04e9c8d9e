"""The command line: one file per command, imported when it is asked for."""

from importlib import import_module

import click

COMMANDS = (
    "init", "validate", "rehearse", "lock", "build", "match", "estimate", "check", "report", "run", "unseal",
    "deviations", "verify", "compare", "publish", "methods", "layouts", "sources",
)  # fmt: skip


class _Commands(click.Group):
    """A group whose commands are the modules beside this one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order in which an evaluation uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"evalkit.cli.{cmd_name}").command
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evalkit")
def commands() -> None:
    """Say what the subsidy did: from award files and firm data to a report.

    Exit codes: 0 done, 1 internal, 2 usage or study file, 3 input rejected, 4 design or estimation refused, effects
    sealed, or a rehearsal that failed, 5 disclosure blocked, 6 busy, 7 disk or memory, 8 a file is not the one that was
    written, 9 an edition is held for review, 10 an input is late.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    from evalkit.cli.failures import exit_with

    exit_with(commands)
