"""One way to write a value down: sorted keys, composed characters (NFC), LF."""

import hashlib
import json
import unicodedata
from typing import Any


def lines_of(value: Any) -> str:  # noqa: ANN401
    """Return a value as JSON over several lines, for people too."""
    return _composed(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)) + "\n"


def line_of(value: Any) -> str:  # noqa: ANN401
    """Return a value as JSON on one line."""
    return _composed(json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False))


def digest(value: Any) -> str:  # noqa: ANN401
    """Return the SHA-256 of a value as it is written on one line."""
    return hashlib.sha256(line_of(value).encode()).hexdigest()


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
