"""The plan of one study on disk: what a lock freezes as it is now, and the files beside the study."""

from pathlib import Path
from typing import Any

from evalkit import run
from evalkit.cli.source_files import code_hash, source_hashes
from evalkit.etl.vintages import layout_of, sources_of
from evalkit.model import store
from evalkit.model.study import Study
from evalkit.model.study_report import WRITTEN_LATER

OUTCOMES = "firm_years"
"""The source that holds outcomes: what its columns are is frozen, what is in its files is not."""
PROSE = "plan.md"
"""A plan in words beside the study; frozen where there is one."""


def frozen(study: Study, imported: Study, study_path: Path, root: Path) -> dict[str, Any]:
    """Return what a lock freezes.

    Parameters
    ----------
    study, imported : Study
        The question, as it stands and with its sources imported into their archives.
    study_path : Path
        Its file.
    root : Path
        Folder that source paths are relative to.

    Raises
    ------
    DataError, ManyErrors
        A source is not there.
    """
    files = source_hashes(imported, root, without=(OUTCOMES,))
    prose = study_path.parent / PROSE
    if prose.is_file():
        files[PROSE] = store.sha256(prose)
    schema = {
        role: {field.name: field.type for field in layout_of(role, source, root).known}
        for role, source in sources_of(study)
    }
    return {
        "study": study.model_dump(mode="json", by_alias=True, exclude=WRITTEN_LATER), "code": code_hash(),
        "versions": run.versions(), "schema": schema, "files": files,
    }  # fmt: skip
