"""`evalkit methods [KIND] [NAME]`."""

import dataclasses
from typing import TYPE_CHECKING

import click

from evalkit.cli.study_command import json_option, say

if TYPE_CHECKING:
    from evalkit.methods import Description


@click.command("methods")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@json_option
def command(kind: str | None, name: str | None, as_json: bool, debug: bool) -> None:
    """List the methods of a KIND (matching, estimation, checks), or describe one by NAME."""
    del debug
    from evalkit import methods
    from evalkit.errors import UnknownNameError, did_you_mean

    if kind is not None and kind not in methods.KINDS:
        raise UnknownNameError(
            f"unknown kind '{kind}'", where="evalkit methods", hint=did_you_mean(kind, methods.KINDS)
        )
    kinds = [k for k in methods.KINDS if kind in (None, k)]
    chosen = [methods.describe(k, n) for k in kinds for n in methods.names(k) if name in (None, n)]
    if name is not None and not chosen:
        methods.method_class(kinds[0], name)
    lines = [f"{d.kind:<11} {d.name:<14} {d.summary}" for d in chosen] if name is None else _whole(chosen[0])
    say({"methods": [dataclasses.asdict(d) for d in chosen]}, lines, as_json=as_json)


def _whole(method: "Description") -> list[str]:
    """Lay out one method: text, options with type and default, reference."""
    lines = [f"{method.kind}: {method.name}", "", method.text, "", "Options" if method.options else "No options"]
    for option in method.options:
        default = f", default {option.default}" if option.default else ""
        lines += [f"  {option.name} ({option.type}{default})", f"      {option.text}"]
    return [*lines, "", "Reference", f"  {method.reference}"]
