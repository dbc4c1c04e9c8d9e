"""Headers are compared after NFKC."""

import pytest

from evalkit.errors import DataError
from evalkit.etl.reading.text_table import header_name, header_names


@pytest.mark.parametrize(
    ("text", "name"),
    [(" 売上\n高 ", "売上 高"), ("ＡＢ", "AB"), ("ｳﾘｱｹﾞ", "ウリアゲ"), ("Sales", "Sales"), ("㈱", "(株)")],
)
def test_header_name(text, name):
    assert header_name(text) == name


def test_twins_are_refused_by_position():
    assert header_names(["Sales", "sales"], "f.csv") == ["Sales", "sales"]
    with pytest.raises(DataError, match="columns 1 and 3") as error:
        header_names(["売上", "x", "売上 "], "f.csv")
    assert error.value.code == "E_HEADER_DUP"
