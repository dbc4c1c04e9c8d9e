"""Whether the files of a source have arrived whole: who delivers them writes one more file last."""

import re
from pathlib import Path

from evalkit.errors import DataError
from evalkit.etl.paths import input_files
from evalkit.model import store
from evalkit.model.study import Source

LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
"""A line as `sha256sum` writes it; names are relative to the folder of the list."""
NOT_READY = "E_INPUT_NOT_READY"


def require_arrived(declared: Source, root: Path, where: str) -> None:
    """Refuse the files of a source that are not all there yet, or not whole; a source without `arrived` is not asked.

    Parameters
    ----------
    declared : Source
        Its `arrived` names the file that is written last: an empty one (`_SUCCESS`), or a list of hashes as
        `sha256sum` writes it, in which every file of the source must stand.
    root : Path
        Folder that its paths are relative to.
    where : str
        Place in the study file, for messages.

    Raises
    ------
    DataError
        `E_INPUT_NOT_READY`: the file is not there, or a file is not the one that the list names. What `input_files`
        refuses.
    """
    if not declared.arrived:
        return
    try:
        files = input_files(declared.path, root, where)
        (signal,) = input_files(declared.arrived, root, where)
    except DataError as error:
        if error.code != "E_NO_FILE":
            raise
        raise _not_ready("the files or the sign that they have arrived are not there yet", where) from error
    lines = [line for line in signal.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines:
        return
    listed = {found[2]: found[1] for found in map(LINE.fullmatch, lines) if found}
    if len(listed) < len(lines):
        raise _not_ready("a line of the list of hashes is not one of sha256sum", where)
    hashes = {(signal.parent / name).resolve(): sha256 for name, sha256 in listed.items()}
    n_other = sum(hashes.get(path.resolve()) != store.sha256(path) for path in files)
    if n_other:
        raise _not_ready(f"{n_other} of {len(files)} files are not those that the list names", where)


def _not_ready(problem: str, where: str) -> DataError:
    hint = "run again when the delivery is complete"
    return DataError(problem, where=where, code=NOT_READY, hint=hint)
