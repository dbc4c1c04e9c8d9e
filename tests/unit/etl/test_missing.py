"""Why values are missing."""

from evalkit.etl.missing import missing_by_kind, missing_note
from layout_inputs import read


def test_cells_by_kind_over_columns(tmp_path):
    (tmp_path / "a.csv").write_text("firm_id,a,b\n1,-,X\n2,,…\n3,5,-\n")
    said = {"missing": ("…",), "suppressed": ("Ｘ",), "zero": {"a": "-"}}
    source = read("generic-firms", tmp_path, **said)
    assert missing_by_kind(source, ["a", "b"]) == {"not_available": 2, "suppressed": 1, "zero": 1}
    assert missing_note(source, ["number:a", "category:b"]) == "not available: 1, suppressed: 0, zero: 1"
    assert missing_note(read("generic-firms", tmp_path), ["number:a"]) == ""
