"""`evalkit deviations STUDY`."""

import dataclasses
from pathlib import Path

import click

from evalkit.cli.plan_command import Planned, plan_options, planned
from evalkit.cli.study_command import say


@click.command("deviations")
@plan_options
@click.option("--field", help="The field that a reason is given for, as the list names it.")
@click.option("--reason", help="Why it is not as planned; added to the log and printed in the report.")
@click.option("--by", "name", metavar="NAME", help="Who gives the reason.")
def command(
    study_path: Path, field: str | None, reason: str | None, name: str | None, root: Path | None, **options: str
) -> None:
    """List what is not as the locked plan says: fields of the study, code, versions, columns, files.

    With --field, --reason and --by the reason of one of them is added to the log.
    """
    from evalkit.errors import StudyError

    plan = planned(study_path, root)
    asked = (field, reason, name)
    if any(asked) and not all(text and text.strip() for text in asked):
        raise StudyError("a reason needs --field, --reason and --by", where=str(study_path), code="E_USAGE")
    if field and reason and name:
        _explain(plan, field, {"reason": reason, "names": [name]}, options["time"])
    record = plan.files.record(plan.frozen)
    found = [dataclasses.asdict(d) for d in record.deviations] if record else []
    lines = [
        f"{d['field']}: {d['planned'] or '-'} -> {d['found'] or '-'}  ({d['reason'] or 'no reason given'})"
        for d in found
    ]
    nothing = "no plan is locked" if record is None else "all is as planned"
    say({"study": plan.study.id, "locked": record is not None, "deviations": found}, lines or [nothing],
        as_json=bool(options["as_json"]))  # fmt: skip


def _explain(plan: Planned, field: str, facts: dict[str, object], time: str) -> None:
    from evalkit.errors import StudyError, UnknownNameError, did_you_mean
    from evalkit.plan.log import add_line

    record = plan.files.record(plan.frozen)
    if record is None:
        raise StudyError("no plan is locked, so nothing deviates from it", where=field, code="E_NOT_LOCKED")
    known = [d.field for d in record.deviations]
    if field not in known:
        raise UnknownNameError(f"'{field}' is as planned", where="--field", hint=did_you_mean(field, known))
    add_line(plan.files.log_path, "deviation", time, field=field, **facts)
