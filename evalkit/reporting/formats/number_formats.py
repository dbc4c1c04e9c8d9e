"""How a spreadsheet shows a number whose whole value its cell holds."""

import re

from evalkit.model.evaluation import Number
from evalkit.reporting.numbers import YEN
from evalkit.reporting.words import Words


def number_format(number: Number, printed: str, words: Words) -> str:
    """Return the format code with which a cell reads as the report prints the number.

    Parameters
    ----------
    number : Number
        With a value that is a number.
    printed : str
        As `numbers.shown` writes it; digits after the point and what stands around them are taken from it. Money is
        shown in its own unit, as a spreadsheet cannot count in 10,000s.
    words : Words
        The language of that unit.
    """
    if number.unit in YEN:
        unit = words.unit(number.unit)
        return f'#,##0"{" " if unit.isascii() else ""}{unit}"'
    if number.unit == "p_value":
        return '[<0.001]"<0.001";0.000'
    found = re.search(r"\d[\d,]*(?:\.(\d+))?", printed)
    if found is None or number.unit in ("plain", "confidence"):
        return "General" if number.unit == "plain" else '0.###"%"'
    digits = ("#,##0." + "0" * len(found[1])) if found[1] else "#,##0"
    if number.unit == "share":
        return f"{digits}%"
    after = printed[found.end() :].replace('"', '""')
    return f'{digits}"{after}"' if after else digits
