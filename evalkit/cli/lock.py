"""`evalkit lock STUDY`."""

from pathlib import Path

import click

from evalkit.cli.plan_command import is_opened, plan_options, planned
from evalkit.cli.study_command import say


@click.command("lock")
@plan_options
@click.option("--signer", "signers", multiple=True, metavar="NAME", help="Who locks the plan; may be given repeatedly.")
@click.option("--after-data", metavar="REASON", help="Lock although outcomes were opened; printed on every page.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("reports/out"), show_default=True,
              help="Where outputs of this study would be, to see whether outcomes were opened.")  # fmt: skip
def command(
    study_path: Path, signers: tuple[str, ...], after_data: str | None, out: Path, root: Path | None, **options: str
) -> None:
    """Lock the plan: freeze study, code, columns and files other than those with outcomes, before outcomes are seen.

    Writes plan.lock.json and a line of plan.log.jsonl beside the study. From then on effects stay sealed while a check
    of the design fails. A rehearsal of the study as it is now goes into the lock. Exit codes: 2 the plan leaves
    something blank, 4 outcomes were opened, 8 the clock is behind the log, or lock, log or rehearsal is damaged.
    """
    from evalkit.cli.rehearsals import power_of
    from evalkit.errors import DesignError
    from evalkit.plan.lock import Moment

    plan, time = planned(study_path, root), options["time"]
    if is_opened(plan, out) and not (after_data or "").strip():
        raise DesignError(
            "outcomes were opened before: a plan made now is made after the data", where=str(study_path),
            code="E_OPENED", hint="--after-data REASON locks it all the same, and every page says so",
        )  # fmt: skip
    power, told = power_of(plan, out)
    plan.files.freeze(plan.study, plan.frozen, signers, Moment(time, after_data or "", power))
    record = {
        "study": plan.study.id, "outputs": [str(plan.files.lock_path), str(plan.files.log_path)], "time": time,
        "rehearsal": None if power is None else power.sha256,
    }  # fmt: skip
    say(record, [f"lock: wrote {plan.files.lock_path}", f"  rehearsal: {told}"], as_json=bool(options["as_json"]))
