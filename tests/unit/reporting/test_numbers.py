"""How numbers are written."""

import pytest

from evalkit.model.evaluation import Number
from evalkit.reporting.numbers import shown
from evalkit.reporting.words import words


@pytest.mark.parametrize(
    ("value", "unit", "en", "ja"),
    [
        (None, "percent", "[X]", "[X]"),
        (4.234, "percent", "4.2%", "4.2%"),
        (-0.421, "percent", "−0.42%", "−0.42%"),
        (-0.001, "percent", "0.00%", "0.00%"),
        (1234.56, "percent", "1,234.6%", "1,234.6%"),
        (0.123, "share", "12.3%", "12.3%"),
        (1.26, "percentage_point", "1.3 pp", "1.3%ポイント"),
        (1_234_567, "count", "1,234,567", "1,234,567"),
        (20261123, "plain", "20261123", "20261123"),
        (0.05, "plain", "0.05", "0.05"),
        (95.0, "confidence", "95%", "95%"),
        (0.0004, "p_value", "<0.001", "<0.001"),
        (0.0456, "p_value", "0.046", "0.046"),
        (-0.04123, "scale", "−0.0412", "−0.0412"),
        (0.0971, "smd", "0.097", "0.097"),
        (0, "yen", "JPY 0", "0円"),
        (987, "yen", "JPY 987", "987円"),
        (-15_300, "yen", "−JPY 15.3 thousand", "−1.53万円"),
        (15_332_000, "yen", "JPY 15.3 million", "1,533万円"),
        (296_000_000, "yen", "JPY 296 million", "2.96億円"),
        (296_000, "thousand_yen", "JPY 296 million", "2.96億円"),
        (3.2, "million_yen", "JPY 3.20 million", "320万円"),
        (2.5, "hours", "2.50 hours", "2.50時間"),
        (1234.5, "hours", "1,234 hours", "1,234時間"),
        (0.5, "kg <b>", "0.500 kg <b>", "0.500 kg <b>"),
        (3.14159, "", "3.14", "3.14"),
        ("2.0.0", "text", "2.0.0", "2.0.0"),
    ],
)
def test_numbers_in_both_languages(value, unit, en, ja):
    assert shown(Number("x", value, unit), words("en")) == en
    assert shown(Number("x", value, unit), words("ja")) == ja
