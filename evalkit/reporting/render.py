"""Write a release as files: results, tables, figures and the report, in each language and format."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from evalkit.model import store
from evalkit.model.evaluation import Release
from evalkit.reporting import formats
from evalkit.reporting.disclosure.record import FILE, record
from evalkit.reporting.drawings import drawings
from evalkit.reporting.exports import exports
from evalkit.reporting.interactive import Interactive, interactive
from evalkit.reporting.page import Page
from evalkit.reporting.page_reader import read_page
from evalkit.reporting.sections import ORDER, status
from evalkit.reporting.tables import csv_tables, results
from evalkit.reporting.words import words_of


def write_report(release: Release, folder: Path, languages: Sequence[str] | None = None) -> list[Path]:
    """Write `results.json`, `acro.json`, `report.<language>.<format>`, `figures/*`, `tables/*.csv` and the exports.

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
    MissingExtraError, ManyErrors
        A format of the study needs a package that is not installed.
    """
    formats.require(release.study.report.formats)
    files: dict[str, bytes | str] = {}
    reports: list[Path] = []
    for language in languages or release.study.report.languages:
        page = _page(release, language)
        reports += _reports(page, folder)
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
    return [*(folder / name for name in (*rows, *files)), *reports]


def _reports(page: Page, folder: Path) -> list[Path]:
    """Write the report of one language in each format; all of them are read from the one page."""
    wanted, text = page.release.study.report.formats, html(page)
    paths = {name: folder / f"report.{page.words.language}.{name}" for name in wanted}
    if "html" in paths:
        is_interactive = page.release.study.report.interactive
        store.write_text(paths["html"], html(page, interactive(page)) if is_interactive else text)
    if set(paths) - {"html"}:
        document = read_page(text, page)
        for name in sorted(set(paths) - {"html"}):
            formats.write(document, paths[name])
    return list(paths.values())


def html_report(release: Release, language: str) -> str:
    """Return the report of a release as one page, with its figures; nothing is written."""
    return html(_page(release, language))


def _page(release: Release, language: str) -> Page:
    words = words_of(release.study, language)
    return Page(release, words, drawings(release, words))


def html(page: Page, answers: Interactive | None = None) -> str:
    """Return the whole report as one page that needs nothing else; with a script only where figures are to answer."""
    sections = [(name, import_module(f"evalkit.reporting.sections.{name}").render(page)) for name in ORDER]
    text = page.fill(
        "report.html.j2",
        title=page.words.pick(page.release.study.title, page.release.study.id),
        design=status.design(page),
        facts=status.facts(page),
        warnings=status.warnings(page),
        hidden_note=page.say("page.hidden_note", threshold=page.number("study.threshold")),
        sections=sections,
        answers=answers,
    )
    return str(text)
