"""One way to write a value down: sorted keys, composed characters (NFC), LF."""

import hashlib
import json
import unicodedata
from typing import Any


def lines_of(value: Any) -> str:  # noqa: ANN401
    """Return a value as JSON over several lines, for people too."""
    return composed(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)) + "\n"


def line_of(value: Any) -> str:  # noqa: ANN401
    """Return a value as JSON on one line."""
    return composed(json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False))


def digest(value: Any) -> str:  # noqa: ANN401
    """Return the SHA-256 of a value as it is written on one line."""
    return hashlib.sha256(line_of(value).encode()).hexdigest()


def composed(text: str) -> str:
    """Return text in composed characters: file names of some systems have が as two."""
    return unicodedata.normalize("NFC", text)
