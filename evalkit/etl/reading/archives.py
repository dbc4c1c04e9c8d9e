"""Members of .zip and .gz files, unpacked up to limits that no honest file reaches."""

import dataclasses
import gzip
import shutil
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import IO

from evalkit.errors import DataError

ARCHIVES = (".zip", ".gz")
TABLES = (".csv", ".tsv", ".json", ".parquet", ".xlsx", ".xlsm", ".xls")
CHUNK_BYTES = 1 << 20
ENCRYPTED_FLAG = 1


@dataclasses.dataclass(frozen=True)
class Limits:
    """Most members, largest unpacked size in bytes, and largest ratio of unpacked to packed size."""

    members: int = 1_000
    unpacked: int = 20 << 30
    ratio: int = 200


LIMITS = Limits()


class Workspace:
    """A folder of our own for unpacked files, removed when nothing refers to it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="evalkit-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def unpack(path: Path, file: str, folder: Path, limits: Limits = LIMITS) -> list[tuple[Path, str]]:
    """Unpack the tables of an archive into a folder.

    Parameters
    ----------
    path : Path
        A .zip or .gz file.
    file : str
        Its name, for messages.
    folder : Path
        Where to; members get names of our own, so none can lead elsewhere.
    limits : Limits
        What is too much.

    Returns
    -------
    list of (Path, str)
        Where each table lies and its name, "sent.zip/2021.csv", in order of names.

    Raises
    ------
    DataError
        `E_ARCHIVE_LIMIT`, `E_ARCHIVE` (damaged), `E_ENCRYPTED`, `E_NO_FILE` (no table inside).
    """
    try:
        return _gzip(path, file, folder, limits) if path.suffix == ".gz" else _zip(path, file, folder, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise DataError("the archive cannot be read: it is damaged", where=file, code="E_ARCHIVE") from error


def check_zip(path: Path, file: str, limits: Limits = LIMITS) -> list[zipfile.ZipInfo]:
    """Return the members of a .zip (or a workbook), once its directory promises no more than the limits.

    Raises
    ------
    DataError
        `E_ARCHIVE_LIMIT`.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    unpacked = sum(m.file_size for m in members)
    if len(members) > limits.members or unpacked > min(limits.unpacked, limits.ratio * path.stat().st_size):
        raise _too_large(file)
    return members


def _gzip(path: Path, file: str, folder: Path, limits: Limits) -> list[tuple[Path, str]]:
    name = Path(file).name.removesuffix(".gz")
    out = folder / f"{len(list(folder.iterdir()))}_{name}"
    most = min(limits.unpacked, limits.ratio * path.stat().st_size)
    with gzip.open(path) as stream:
        _copy(stream, out, most, file)
    return [(out, f"{file}/{name}")]


def _zip(path: Path, file: str, folder: Path, limits: Limits) -> list[tuple[Path, str]]:
    members = [m for m in check_zip(path, file, limits) if Path(m.filename).suffix.lower() in TABLES]
    members = [m for m in members if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if not members:
        raise DataError("the archive holds no table", where=file, code="E_NO_FILE", hint=f"use {', '.join(TABLES)}")
    left, found = min(limits.unpacked, limits.ratio * path.stat().st_size), []
    start = len(list(folder.iterdir()))
    for i, member in enumerate(sorted(members, key=lambda m: m.filename), start=start):
        if member.flag_bits & ENCRYPTED_FLAG:
            raise DataError("the archive is protected by a password", where=file, code="E_ENCRYPTED")
        out = folder / f"{i}{Path(member.filename).suffix.lower()}"
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            left -= _copy(stream, out, left, file)
        found.append((out, f"{file}/{member.filename}"))
    return found


def _copy(stream: IO[bytes] | gzip.GzipFile, out: Path, most: int, file: str) -> int:
    """Write a member and return its size, which is counted and not believed."""
    n_bytes = 0
    with out.open("wb") as target:
        while chunk := stream.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > most:
                raise _too_large(file)
            target.write(chunk)
    return n_bytes


def _too_large(file: str) -> DataError:
    return DataError("the archive unpacks to far more than its size", where=file, code="E_ARCHIVE_LIMIT")
