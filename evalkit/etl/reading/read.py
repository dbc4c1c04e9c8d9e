"""Read one input file as text, whatever its format, and refuse a file that is not what its name says."""

from pathlib import Path

from evalkit.errors import DataError
from evalkit.etl.reading.csv_text import read_csv
from evalkit.etl.reading.excel_text import read_excel
from evalkit.etl.reading.header_finder import FIRST, HeaderRule
from evalkit.etl.reading.parquet_text import read_parquet
from evalkit.etl.reading.text_table import TextTable
from evalkit.model.study import Source

MAGIC = (
    (b"PK\x03\x04", "xlsx"),
    (b"PAR1", "parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"\x1f\x8b", "gzip"),
    (b"%PDF", "pdf"),
)
FORMATS = {".csv": "text", ".txt": "text", ".parquet": "parquet", ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xls"}
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read_file(path: Path, file: str, source: Source, rule: HeaderRule = FIRST) -> TextTable:
    """Read a file by its extension, once its first bytes agree with it. `rule` says where a CSV has its headers.

    Raises
    ------
    DataError
        `E_FORMAT` (extension not known), `E_MAGIC`, `E_ENCRYPTED`, and what each reader refuses.
    """
    wanted = checked_format(path, file)
    if wanted == "parquet":
        return read_parquet(path, file)
    if wanted == "text":
        return read_csv(path.read_bytes(), file, source.encoding, rule)
    return read_excel(path, file, source.sheet, rule)


def checked_format(path: Path, file: str) -> str:
    """Return what a file is by its extension, once its first bytes agree.

    Raises
    ------
    DataError
        `E_FORMAT`, `E_MAGIC`, `E_ENCRYPTED`.
    """
    wanted = FORMATS.get(path.suffix.lower())
    if wanted is None:
        raise DataError(
            f"files of type '{path.suffix}' are not read", where=file, code="E_FORMAT", hint=f"use {', '.join(FORMATS)}"
        )
    found = _true_type(path)
    if found == "xls" and ENCRYPTED in path.read_bytes():
        raise DataError(
            "the workbook is protected by a password", where=file, code="E_ENCRYPTED", hint="save it without one"
        )
    if found != wanted:
        raise DataError(
            f"the name says {wanted}, the content is {found}", where=file, code="E_MAGIC", hint="rename or export again"
        )
    return wanted


def _true_type(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(512)
    for magic, name in MAGIC:
        if head.startswith(magic):
            return name
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return "html" if start.startswith((b"<!doctype", b"<html", b"<table", b"<?xml")) else "text"
