"""Find the input files of a source, and refuse every path that leaves the study's root."""

import re
import stat
from pathlib import Path

from evalkit.errors import DataError, did_you_mean

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def input_files(pattern: str, root: Path, where: str) -> list[Path]:
    """Return the files that a source's path names, sorted.

    Parameters
    ----------
    pattern : str
        Path or glob relative to `root`.
    root : Path
        The folder that no input may lie outside of, symbolic links followed.
    where : str
        Place in the study file, for messages.

    Raises
    ------
    DataError
        `E_PATH`: a URL, `~`, NUL, a directory, a device, or a file outside `root`. `E_NO_FILE`: nothing there.
    """
    if "\0" in pattern or pattern.startswith("~") or SCHEME.match(pattern):
        raise _refused("the path must be a plain file name below the study's root: no URL, ~ or NUL", where)
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise _refused("the path leaves the study's root", where)
    home = root.resolve()
    literal = home / pattern
    found = [literal] if literal.exists() or not re.search(r"[*?\[]", pattern) else sorted(home.glob(pattern))
    for path in found:
        _check(path, home, where)
    if not found:
        raise DataError(f"no file matches '{pattern}'", where=where, code="E_NO_FILE", hint="check the path")
    return found


def _check(path: Path, home: Path, where: str) -> None:
    name = path.relative_to(home).as_posix()
    if not path.resolve().is_relative_to(home):
        raise _refused(f"'{name}' leads outside the study's root", where)
    if not path.exists():
        near = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near) if near else "the folder does not exist"
        raise DataError(f"no such file: '{name}'", where=where, code="E_NO_FILE", hint=hint)
    if not stat.S_ISREG(path.stat().st_mode):
        raise _refused(f"'{name}' is not a regular file", where)


def _refused(problem: str, where: str) -> DataError:
    return DataError(problem, where=where, code="E_PATH")
