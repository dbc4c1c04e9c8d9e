"""Files written whole or not at all, the same bytes each time, and their SHA-256."""

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import IntegrityError, ResourceError

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_FIRMS = 131_072
"""Firms in one block of a pass, and in one row group of a panel file."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it is synced and takes the final name, which is synced too.

    Raises
    ------
    ResourceError
        The disk is full; nothing is left behind and an older file stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        if os.name == "posix":
            _sync(path.parent)
    except OSError as error:
        raise ResourceError(
            "the file could not be written",
            where=path.name,
            code="E_NOSPACE",
            hint=os.strerror(error.errno or 0),
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` atomically."""
    with replacing(path) as draft:
        draft.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401
    """Write JSON with sorted keys, one value a line, NaN as null."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:  # noqa: ANN401
    """Return what `write_json` writes."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:  # noqa: ANN401
    """Read JSON written by `write_json`."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_parquet(path: Path, table: "pa.Table") -> None:
    """Write a table as Parquet with page checksums and one row group per block.

    Numbers with decimals are stored byte by byte (byte stream split), which is smaller and several times faster to
    write than a dictionary of values that hardly ever repeat. LZ4 makes files a sixth larger than Zstandard and reads
    them twice as fast; a panel is read many times.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    split = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    with replacing(path) as draft:
        pq.write_table(
            table,
            draft,
            row_group_size=BLOCK_FIRMS,
            compression="lz4",
            write_page_checksum=True,
            use_dictionary=[name for name in table.column_names if name not in split],
            use_byte_stream_split=split,
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path, hashes: Mapping[str, str]) -> None:
    """Check that every named file below `folder` has the SHA-256 that was written down for it."""
    for name, expected in sorted(hashes.items()):
        path = folder / name
        if not path.is_file():
            raise IntegrityError("a file named by the manifest is missing", where=name, code="E_MISSING_OUTPUT")
        if sha256(path) != expected:
            raise IntegrityError(
                "the file is not the one that was written",
                where=name,
                code="E_STALE",
                hint="run the stage again",
            )


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Turn numpy scalars, tuples and NaN into what JSON has."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    item: Callable[[], Any] | None = getattr(value, "item", None)
    if item is not None and not isinstance(value, str | bytes):
        value = item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
