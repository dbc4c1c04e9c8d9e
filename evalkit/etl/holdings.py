"""What is held of each source of a study: files that are there now, and vintages in archives."""

import dataclasses
from pathlib import Path
from typing import Any

from evalkit.errors import DataError, EvalkitError
from evalkit.etl.layouts import Role
from evalkit.etl.paths import input_files
from evalkit.etl.reading.archives import Workspace
from evalkit.etl.reading.documents import read_tables
from evalkit.etl.source import with_defaults
from evalkit.etl.vintages import Vintage, held, label_of, layout_of, sources_of
from evalkit.model import store
from evalkit.model.study import Source, Study


def listed(study: Study, root: Path) -> list[dict[str, Any]]:
    """List the files of every source; databases are not asked and nothing is imported.

    Returns
    -------
    list of dict
        `source`, `layout`, `licence`, and `held`: one dict per file in order of date and name, with `file` (where it
        came from), `path` (where it lies), `vintage`, `rows` (None where it cannot be read), `sha256`, `is_archived`.
    """
    return [
        {
            "source": role, "layout": source.layout, "licence": source.licence,
            "held": [_told(vintage, role, source, root.resolve()) for vintage in _known(source, root.resolve(), role)],
        }
        for role, source in sources_of(study)
    ]  # fmt: skip


def _known(source: Source, root: Path, role: Role) -> list[Vintage]:
    """Return vintages, and the files that are there and not archived."""
    archived = held(root, source.archive) if source.archive else []
    hashes = {(v.file, v.sha256) for v in archived}
    there = [v for v in _there(source, root, role) if (v.file, v.sha256) not in hashes]
    return sorted([*archived, *there], key=lambda v: (v.label, v.file))


def _there(source: Source, root: Path, role: Role) -> list[Vintage]:
    if source.table:
        return []
    try:
        paths = input_files(source.path, root, f"sources.{role}.path")
    except DataError as error:
        if error.code != "E_NO_FILE":
            raise
        return []
    names = [(path, path.relative_to(root).as_posix()) for path in paths]
    return [Vintage(n, source.vintage or label_of(n), source.layout, n, store.sha256(p)) for p, n in names]


def _told(vintage: Vintage, role: Role, source: Source, root: Path) -> dict[str, Any]:
    whole = dataclasses.asdict(vintage)
    whole["vintage"] = whole.pop("label")
    return {**whole, "rows": _n_rows(vintage, role, source, root), "is_archived": vintage.path != vintage.file}


def _n_rows(vintage: Vintage, role: Role, source: Source, root: Path) -> int | None:
    folder = Workspace()
    try:
        layout = layout_of(role, source.model_copy(update={"layout": vintage.layout}), root)
        tables = read_tables(root / vintage.path, vintage.file, with_defaults(source, layout), layout, folder.path)
    except (EvalkitError, ExceptionGroup, OSError):
        return None
    return sum(found.table.n_rows for found in tables)
