"""Where the fonts lie that evalkit's own packages bring, so that letters are the same on every machine."""

import importlib.util
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

from evalkit.errors import ResourceError


def latin_font() -> Path:
    """Return the file of DejaVu Sans, which comes with matplotlib."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def japanese_font() -> Path:
    """Return the file of IPAexGothic in matplotlib-fontja, whose import would change global settings.

    Raises
    ------
    ResourceError
        It is not installed (`E_FONT`).
    """
    found = importlib.util.find_spec("matplotlib_fontja")
    path = Path(found.origin).parent / "fonts" / "ipaexg.ttf" if found and found.origin else None
    if path is None or not path.is_file():
        raise ResourceError(
            "the Japanese font is not installed", code="E_FONT", hint="install the package matplotlib-fontja"
        )
    return path


def without_glyph(text: str) -> list[str]:
    """Return the characters of a text that neither font has, sorted."""
    known = {code for path in (latin_font(), japanese_font()) for code in FT2Font(str(path)).get_charmap()}
    return sorted({sign for sign in text if sign.isprintable() and ord(sign) not in known})
