"""Bytes of a text file to UTF-8: byte order mark, then strict UTF-8, then strict CP932, never a guess beyond that.

UTF-8 comes first because short Japanese UTF-8 text also decodes as CP932, to nonsense and without an error. CP932
and not Shift_JIS, because only the former has 髙, 﨑, ① and ㈱.
"""

import codecs
import re

from evalkit.errors import DataError

UTF8_LINE = re.compile(
    rb"^(?=(?:[^\n]*?[\xe3-\xe9][\x80-\xbf]{2}){2})"
    rb"(?:[\x00-\x09\x0b-\x7f]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})++$",
    re.MULTILINE,
)
"""A whole line that is UTF-8 and holds two or more Japanese characters."""
UNASSIGNED = re.compile("[\x80\uf8f0-\uf8f3]")
"""What Python makes of single bytes that CP932 does not assign (80, A0, FD to FF)."""


def to_utf8(raw: bytes, file: str, declared: str = "auto") -> bytes:
    """Return the text as UTF-8 without byte order mark and with plain newlines.

    Parameters
    ----------
    raw : bytes
        The file.
    file : str
        Its name, for messages.
    declared : {"auto", "utf-8", "cp932", "utf-16"}
        What the study says it is.

    Raises
    ------
    DataError
        `E_ENCODING` (none of the three), `E_ENCODING_MIXED` (lines of two encodings) or `E_ENCODING_MISMATCH`
        (another encoding than declared).
    """
    found, text = _decoded(raw, file)
    if declared not in ("auto", found) and not (found == "utf-8" and text.isascii() and declared == "cp932"):
        raise DataError(
            f"the file is {found}, the study says {declared}",
            where=file,
            code="E_ENCODING_MISMATCH",
            hint=f'set encoding = "{found}" or leave it out',
        )
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def codec(raw: bytes, file: str) -> str:
    """Return Python's name of the encoding of a text file, "utf-8-sig" where UTF-8 has a byte order mark."""
    found, _ = _decoded(raw, file)
    return "utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else found


def _decoded(raw: bytes, file: str) -> tuple[str, bytes]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", _utf16(raw, file)
    text = raw.removeprefix(codecs.BOM_UTF8)
    if b"\0" in text[: text.find(b"\n") + 1 or None]:
        raise DataError(
            "the header holds NUL; is this UTF-16 without byte order mark?",
            where=file,
            code="E_ENCODING",
            hint="save it as UTF-8",
        )
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return "cp932", _cp932(text, file, error.start)
    return "utf-8", text


def _utf16(raw: bytes, file: str) -> bytes:
    try:
        return raw.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise DataError("the file is not valid UTF-16", where=file, code="E_ENCODING") from error


def _cp932(text: bytes, file: str, not_utf8_at: int) -> bytes:
    utf8_line = UTF8_LINE.search(text)
    if utf8_line:
        line = text.count(b"\n", 0, max(utf8_line.start(), not_utf8_at)) + 1
        raise DataError(
            "some lines are UTF-8 and some are not",
            where=f"{file}, line {line}",
            code="E_ENCODING_MIXED",
            hint="save the whole file in one encoding",
        )
    try:
        decoded = text.decode("cp932")
        unassigned = UNASSIGNED.search(decoded)
        line = decoded.count("\n", 0, unassigned.start()) + 1 if unassigned else 0
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
    if line:
        raise DataError(
            "the text is neither UTF-8 nor CP932",
            where=f"{file}, line {line}",
            code="E_ENCODING",
            hint="save it as UTF-8",
        )
    return decoded.encode()
