"""`evalkit sources STUDY`."""

from pathlib import Path

import click

from evalkit.cli.study_command import json_option, say, study_argument


@click.command("sources")
@study_argument
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="As for `evalkit build`.")
@json_option
def command(study_path: Path, root: Path | None, as_json: bool, debug: bool) -> None:
    """List the files of a study's sources: those there now and those in archives, from when, rows, SHA-256, licence.

    Nothing is imported: `evalkit build` does that.
    """
    del debug
    from evalkit import run
    from evalkit.cli.source_files import study_root
    from evalkit.etl.holdings import listed

    study = run.load_study(study_path)
    found = listed(study, root or study_root(study_path))
    lines = []
    for source in found:
        lines.append(f"{source['source']} ({source['layout']}): {source['licence'] or 'no licence note'}")
        for held in source["held"]:
            rows = "unreadable" if held["rows"] is None else f"{held['rows']:,} rows"
            kept = "archived" if held["is_archived"] else "there"
            lines.append(f"  {held['vintage'] or '-':<10}  {kept:<8}  {rows:>16}  {held['sha256']}  {held['file']}")
    say({"study": study.id, "sources": found}, lines, as_json=as_json)
