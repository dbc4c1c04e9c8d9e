"""How a number is written: a pure function of its value, its unit and the language."""

import math
from collections.abc import Callable

from evalkit.model.evaluation import Number
from evalkit.reporting.words import HIDDEN, Words

YEN = {"yen": 1, "thousand_yen": 1_000, "million_yen": 1_000_000}
"""Units of money, in yen."""
MINUS = "\N{MINUS SIGN}"
PLAIN: dict[str, Callable[[float], str]] = {
    "plain": str,
    "confidence": "{:g}%".format,
    "count": "{:,.0f}".format,
    "p_value": lambda p: "<0.001" if p < 0.001 else f"{p:.3f}",
    "scale": "{:.4f}".format,
    "smd": "{:.3f}".format,
}


def shown(number: Number, words: Words) -> str:
    """Write a number for a reader.

    Parameters
    ----------
    number : Number
        Its unit decides the form: "percent", "share" (0 to 1), "smd", "percentage_point", "count", "plain" (as
        it is: years, seeds), "p_value", "scale" (the estimation scale), units of money, "text"; any other unit is
        written after the value.
    words : Words
        The language.

    Returns
    -------
    str
        "[X]" when the value was hidden.
    """
    value, unit = number.value, number.unit
    if value is None:
        return HIDDEN
    if isinstance(value, str):
        return value
    if unit in PLAIN:
        text = PLAIN[unit](value)
        return _signed(text.removeprefix("-") if set(text) <= set("-0.") else text)
    if unit in YEN:
        return _signed(_money(value * YEN[unit], words.language))
    if unit in ("percent", "share", "percentage_point"):
        return _signed(_percent(100 * value if unit == "share" else value) + words[f"units.{unit}"])
    return _signed(_three_digits(value) + words.unit(unit))


def _signed(text: str) -> str:
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def _percent(value: float) -> str:
    """Write with one decimal, small ones with two; never minus zero."""
    text = f"{value:,.2f}" if abs(value) < 1 else f"{value:,.1f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def _three_digits(value: float) -> str:
    """Write with three significant digits and no exponent; whole parts are never rounded away."""
    size = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, 2 - size)}f}"


def _money(yen: float, language: str) -> str:
    """Write yen the way each language counts: in 10,000s and 100,000,000s, or in thousands, millions and billions."""
    scales = {
        "ja": ((1e8, "{}億円"), (1e4, "{}万円"), (1, "{}円")),
        "en": ((1e9, "JPY {} billion"), (1e6, "JPY {} million"), (1e3, "JPY {} thousand"), (1, "JPY {}")),
    }
    size, form = next((s for s in scales[language] if abs(yen) >= s[0]), scales[language][-1])
    digits = _three_digits(yen / size) if yen else "0"
    sign = "-" if digits.startswith("-") else ""
    return sign + form.format(digits.removeprefix("-"))
