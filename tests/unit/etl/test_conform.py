"""Typing rows: the first fault of a row counts, columns are numbers or categories."""

import pytest

import etl_inputs as given
from evalkit.errors import DataError
from evalkit.etl.conform import conform, infer
from evalkit.etl.layouts import Field
from evalkit.etl.source import read_source


@pytest.fixture
def firms(tmp_path):
    """Read the firms after changes to some of their rows."""

    def read(**columns):
        rows = given.tables()["firms"][:4]
        for name, values in columns.items():
            rows = [{**r, name: v} for r, v in zip(rows, values, strict=True)]
        given.write(tmp_path, {"firms": rows})
        return read_source("firms", given.study().sources.firms, tmp_path)

    return read


def test_the_first_fault_of_a_row_is_named(firms):
    source = firms(法人番号=["x", given.number(1), given.number(2), "1"], size=["1e3", "1e3", "4", ""])
    fields = [Field("firm_id", "firm_id", required=True), Field("size", "number", required=True)]
    typed = conform(source, fields)
    assert typed.rows.select(["row", "number:size"]).to_pylist() == [{"row": 2, "number:size": 4.0}]
    assert typed.rejected.to_pylist() == [
        {"row": 0, "column": "法人番号", "rule": "E_FIRM_ID"},
        {"row": 1, "column": "size", "rule": "E_NUMBER"},
        {"row": 3, "column": "法人番号", "rule": "E_FIRM_ID"},
    ]
    assert typed.rules() == "E_FIRM_ID: 2, E_NUMBER: 1"
    assert (
        source.first_lines(typed.rejected["row"].to_numpy()) == "firms.csv line 2, firms.csv line 3, firms.csv line 5"
    )


@pytest.mark.parametrize(
    ("texts", "kind"),
    [(["1", "2", "", "△3"], "number"), (["a", "b", "", "c"], "category"), (["01", "2", "3", "13"], "category"),
     (["0.5", "0", "1", "1"], "number")],
)  # fmt: skip
def test_kinds(firms, texts, kind):
    assert infer(firms(size=texts), "size") == kind


def test_mixtures_must_be_declared(firms):
    with pytest.raises(DataError, match="3 texts are numbers and 1 are not") as error:
        infer(firms(size=["1", "2", "many", "3"]), "size")
    assert error.value.code == "E_COLUMN_TYPE"
