"""Write a release as files: results, tables, figures and one HTML page per language."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from evalkit.model import store
from evalkit.model.evaluation import Release
from evalkit.reporting.disclosure.record import FILE, record
from evalkit.reporting.drawings import drawings
from evalkit.reporting.exports import exports
from evalkit.reporting.page import Page
from evalkit.reporting.sections import ORDER, status
from evalkit.reporting.tables import csv_tables, results
from evalkit.reporting.words import words


def write_report(release: Release, folder: Path, languages: Sequence[str] | None = None) -> list[Path]:
    """Write `results.json`, `acro.json`, `report.<language>.html`, `figures/*`, `tables/*.csv` and the exports.

    Parameters
    ----------
    release : Release
        All that may be published.
    folder : Path
        Where to; files of the same name are replaced, each at once or not at all.
    languages : sequence of {"en", "ja"}, optional
        Which reports; those of the study when left out.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ResourceError
        The disk is full (`E_NOSPACE`), or a font or a character is missing (`E_FONT`).
    """
    files: dict[str, bytes | str] = {}
    for language in languages or release.study.report.languages:
        page = Page(release, words(language), drawings(release, words(language)))
        files[f"report.{language}.html"] = html(page)
        for drawing in page.drawings.values():
            files[f"figures/{drawing.stem}.{language}.svg"] = drawing.svg
            files[f"figures/{drawing.stem}.{language}.png"] = drawing.png
    files |= exports(release)
    files |= {f"tables/{name}.csv": text for name, text in csv_tables(release).items()}
    for name, content in files.items():
        store.write_bytes(folder / name, content if isinstance(content, bytes) else content.encode())
    rows: dict[str, Any] = {"results.json": results(release), FILE: record(release)}
    for name, value in rows.items():
        store.write_json(folder / name, value)
    return [folder / name for name in (*rows, *files)]


def html(page: Page) -> str:
    """Return the whole report as one page that needs nothing else."""
    sections = [(name, import_module(f"evalkit.reporting.sections.{name}").render(page)) for name in ORDER]
    text = page.fill(
        "report.html.j2",
        title=page.words.pick(page.release.study.title, page.release.study.id),
        design=status.design(page),
        facts=status.facts(page),
        warnings=status.warnings(page),
        hidden_note=page.say("page.hidden_note", threshold=page.number("study.threshold")),
        sections=sections,
    )
    return str(text)
