"""`evalkit publish PIPELINES --out DIR` and `evalkit publish --accept STUDY_ID --by NAME --reason TEXT --out DIR`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalkit.cli.study_command import json_option, say

if TYPE_CHECKING:
    from evalkit.cli.publishing import Result
    from evalkit.cli.site import Record, Site

FOLDER = click.Path(path_type=Path, file_okay=False)
OPTIONS = (
    click.option("--out", type=FOLDER, required=True, help="The site: editions, index, those held, log."),
    click.option("--runs", type=FOLDER, default=Path("reports/out"), show_default=True,
                 help="Where studies are run, as OUT of `evalkit run`. It holds data on firms: never inside the site."),
    click.option("--date", "day", metavar="DATE", help="Day of new editions, YYYY-MM-DD; by default that of "
                 "SOURCE_DATE_EPOCH, or else of the clock (UTC)."),
    click.option("--root", type=FOLDER, help="As for `evalkit run`."),
    click.option("--threads", type=click.IntRange(min=1), help="As for `evalkit run`."),
    click.option("--accept", metavar="STUDY_ID", help="Publish the edition of this study that is held for review."),
    click.option("--by", "name", metavar="NAME", help="Who accepts it."),
    click.option("--reason", help="Why it is accepted; logged and printed in the index."),
    click.option("--notify", "urls", metavar="URL", multiple=True, help="Send word to this address of apprise, may be "
                 "given repeatedly; EVALKIT_NOTIFY has further ones and keeps them from other users' eyes."),
)  # fmt: skip


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


@click.command("publish")
@click.argument("pipelines", nargs=-1, type=click.Path(path_type=Path, exists=True))
@_options
@json_option
def command(pipelines: tuple[Path, ...], **given: Any) -> None:  # noqa: ANN401
    """Run what changed, write dated editions and an index of all studies.

    PIPELINES are study files, folders with a study.toml, or a folder of such folders. An edition is held for review
    when a planned effect moved by more than 3 standard errors of the last edition or changed its sign; the last good
    edition stays while an input is late or a study fails. Exit code: the most serious of all studies; 9 an edition is
    held, 10 an input is late.
    """
    from evalkit.cli.notification import addresses, send
    from evalkit.cli.publishing import entry_of, exit_code, most_serious
    from evalkit.cli.site import Site

    _check(pipelines, given)
    urls, (day, time), site = addresses(given["urls"]), _when(given["day"]), Site(given["out"])
    with site.only_writer():
        before = site.index()
        results = [_accepted(site, time, given)] if given["accept"] else _published(site, pipelines, day, given)
        entries = {r.study: entry_of(site, r, before.get(r.study), day) for r in results}
        site.write_index({**before, **entries})
    _say(site, results, entries, as_json=given["as_json"])
    news = [r for r in results if entries[r.study] != before.get(r.study)]
    if urls and news:
        for place in send(urls, "\n".join(line for r in news for line in _lines(r, entries[r.study]))):
            click.echo(f"notification {place} of {len(urls)} could not be sent", err=True)
    click.get_current_context().exit(most_serious([exit_code(r, entries[r.study]) for r in results]))


def _check(pipelines: Sequence[Path], given: Mapping[str, Any]) -> None:
    from evalkit.errors import StudyError

    decision = [given[key] for key in ("accept", "name", "reason")]
    if any(text is not None for text in decision):
        if pipelines or not all(text and text.strip() for text in decision):
            problem = "to accept an edition takes --accept, --by and --reason, and no PIPELINES"
            raise StudyError(problem, where="evalkit publish", code="E_USAGE")
    elif not pipelines:
        raise StudyError("PIPELINES is missing", where="evalkit publish", code="E_USAGE", hint="for example pipelines")
    out, runs = (given[key].resolve() for key in ("out", "runs"))
    if runs.is_relative_to(out):
        problem = "the runs hold data on firms and must not lie inside of the site"
        raise StudyError(problem, where="--runs", code="E_USAGE", hint="name a folder outside of --out")


def _when(day: str | None) -> tuple[str, str]:
    """Return the day of editions and the time of decisions, UTC."""
    import datetime as dt

    from evalkit.errors import StudyError
    from evalkit.plan.clock import time_of

    if day is None:
        return (time := time_of())[:10], time
    try:
        found = dt.datetime.strptime(day, "%Y-%m-%d").date().isoformat()
    except ValueError as error:
        raise StudyError("not a day", where="--date", code="E_TIME", hint="for example 2026-04-01") from error
    return found, time_of(found)


def _accepted(site: "Site", time: str, given: Mapping[str, Any]) -> "Result":
    from evalkit.cli.publishing import Result
    from evalkit.errors import UnknownNameError, did_you_mean

    known = site.index()
    if given["accept"] not in known:
        hint = did_you_mean(given["accept"], known)
        raise UnknownNameError(f"the index has no study '{given['accept']}'", where="--accept", hint=hint)
    record = site.accept(given["accept"], time, given["name"], given["reason"])
    return Result(record["study"], "accepted", record["date"])


def _published(site: "Site", pipelines: Sequence[Path], day: str, given: Mapping[str, Any]) -> "list[Result]":
    from evalkit.cli.publishing import Publisher, study_paths

    publisher = Publisher(site, day, given["runs"], given["root"], given["threads"])
    return [publisher.publish(path, debug=given["debug"]) for path in study_paths(pipelines)]


def _say(site: "Site", results: "Sequence[Result]", entries: "Mapping[str, Record]", *, as_json: bool) -> None:
    from evalkit.cli.publishing import exit_code
    from evalkit.cli.site import INDEX

    record = {
        "index": str(site.path / INDEX),
        "studies": [
            {
                "study": r.study, "status": r.status, "edition": r.edition, "reasons": [one["en"] for one in r.reasons],
                "late": entries[r.study]["late"], "errors": [problem.to_dict() for problem in r.errors],
                "exit_code": exit_code(r, entries[r.study]),
            }
            for r in results
        ],
    }  # fmt: skip
    lines = []
    for r in results:
        lines += [*_lines(r, entries[r.study]), *(f"  {one['en']}" for one in r.reasons)]
        for problem in () if as_json else r.errors:
            click.echo(f"{r.study}: {problem}", err=True)
    say(record, lines, as_json=as_json)


def _lines(result: "Result", entry: "Record") -> list[str]:
    """Say what became of a study, with nothing that is not in the index."""
    late = ", ".join(f"{one['source']} since {one['since']}" for one in entry["late"])
    codes = ", ".join(error["code"] for error in entry["errors"])
    stays = f"edition {entry['edition']['date']} stays" if entry["edition"] else "there is no edition yet"
    said = {
        "published": f"new edition {result.edition}", "accepted": f"edition {result.edition} accepted and published",
        "unchanged": f"unchanged, {stays}", "held": f"edition {result.edition} held for review, {stays}",
        "late": f"input late ({late}), {stays}", "failed": f"failed ({codes}), {stays}",
    }[result.status]  # fmt: skip
    is_new = result.status in ("published", "accepted")
    return [f"{result.study}: {said}", *([f"  {entry['edition']['headline']['en']}"] if is_new else [])]
