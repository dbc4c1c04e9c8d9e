"""Rules beyond types."""

from evalkit.etl.rules import keep_rules
from layout_inputs import IDS, typed


def test_values_below_zero_are_set_aside_where_declared(tmp_path):
    lines = [f"{IDS[0]},2020,△1,△1", f"{IDS[1]},2020,0,△1", f"{IDS[2]},2020,,1"]
    (tmp_path / "a.csv").write_text("\n".join(["法人番号,回次,売上高,純資産額", *lines]))
    found = typed("gbizinfo-finance", tmp_path, columns={"fiscal_year": "回次"}, nonnegative=("sales",))
    kept = keep_rules(found)
    assert kept.rejected.select(["row", "column", "rule"]).to_pylist() == [
        {"row": 0, "column": "売上高", "rule": "E_RULE"}
    ]
    assert len(kept.rows) == 2
