"""A report in further formats: a module each with `write(document, path)`; none of them sees more than the page."""

import importlib.util
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from evalkit.errors import MissingExtraError, raise_all
from evalkit.reporting.document import Document

WRITERS = {"docx": "word", "md": "markdown", "pdf": "pdf", "xlsx": "workbook"}
"""The module of each format."""
NEEDS = {"docx": ("docx", "office"), "pdf": ("typst", "paper"), "xlsx": ("xlsxwriter", "office")}
"""The package that a format needs, and the extra that brings it."""


def require(formats: Iterable[str]) -> None:
    """Check that what the formats need is installed.

    Raises
    ------
    MissingExtraError, ManyErrors
        A package is not there; the hint names the extra.
    """
    missing = [name for name in formats if name in NEEDS and importlib.util.find_spec(NEEDS[name][0]) is None]
    errors = [
        MissingExtraError(
            f"the format '{name}' needs a package that is not installed", where="report.formats",
            hint=f"install evalkit[{NEEDS[name][1]}]",
        )
        for name in missing
    ]  # fmt: skip
    raise_all(errors, "report.formats")


def write(document: Document, path: Path) -> None:
    """Write a document in the format of the file's ending."""
    import_module(f"evalkit.reporting.formats.{WRITERS[path.suffix.removeprefix('.')]}").write(document, path)
