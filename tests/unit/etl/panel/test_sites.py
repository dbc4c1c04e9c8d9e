"""Workplaces added up per firm-year, against sums in plain Python."""

import numpy as np
import pytest

import etl_inputs as given
from evalkit.errors import DataError
from evalkit.etl.build import build_panel


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


def workplaces(n=3):
    """Return the tables with each firm-year in `n` parts of whole numbers that add up to it."""
    data = given.tables()
    rows = []
    for row in data["firm_years"]:
        for name in ("売上高", "employees"):
            row[name] = int(row[name])
        parts = [{**row, "売上高": row["売上高"] // n, "employees": row["employees"] // n} for _ in range(n - 1)]
        last = {**row, **{k: row[k] - sum(p[k] for p in parts) for k in ("売上高", "employees")}}
        rows += [{k: str(v) for k, v in part.items()} for part in (*parts, last)]
    return data | {"firm_years": rows}


def build(folder, data, **firm_years):
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["unit"] |= {"employees": "one"}
    asked["sources"]["firm_years"] |= {"combine": "sum"} | firm_years
    return build_panel(given.study(asked), folder)


def test_parts_add_up_to_the_firm_year(folder):
    expected = build(folder, given.tables())
    panel = build(folder, workplaces())
    assert panel.source.equals(expected.source)
    (step,) = [s for s in panel.flow.steps if s.step == "combined firm-years"]
    assert (step.n_in, step.kept, step.collapsed) == (180, 60, 120)


def test_what_is_not_declared_still_is_a_contradiction(folder):
    with pytest.raises(DataError) as caught:
        build(folder, workplaces(), combine="")
    assert caught.value.code == "E_PANEL_DUP"


def test_a_column_that_is_not_declared_must_agree(folder):
    data = workplaces()
    for i, row in enumerate(data["firm_years"]):
        row["region"] = str(i % 2)
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"] |= {
        "combine": "sum", "unit": {"sales": "thousand_yen", "employees": "one"}, "types": {"region": "category"},
    }  # fmt: skip
    asked["covariates"]["baseline"].append("region")
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), folder)
    assert caught.value.code == "E_PANEL_DUP"
    assert caught.value.where.startswith("firm_years.csv line ")


def test_rows_outside_the_period_are_not_compared(folder):
    data = workplaces()
    outside = [{**r, "年度": "2030", "margin": m} for r, m in zip(data["firm_years"], ("0.1", "0.2"), strict=False)]
    data["firm_years"] += outside
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"] |= {"combine": "sum", "unit": {"sales": "thousand_yen", "employees": "one"}}
    asked["outcome"].append({"name": "margin"})
    panel = build_panel(given.study(asked), folder)
    assert [(s.n_in, s.quarantined) for s in panel.flow.steps if s.step == "period"] == [(182, 2)]


def test_a_sum_with_an_unknown_part_is_unknown(folder):
    data = workplaces()
    data["firm_years"][1]["売上高"] = ""
    frame = build(folder, data).to_frame().set_index("firm_id")
    assert np.isnan(frame.loc[given.number(0), "sales@2018"])
    assert frame.isna().filter(like="sales@").sum().sum() == 1


def test_equal_rows_are_one_row_only_where_a_key_says_so(folder):
    data = workplaces(2)
    for i, row in enumerate(data["firm_years"]):
        row["row_key"] = f"k{i}"
    data["firm_years"] += data["firm_years"][:3]
    (folder / "layout.toml").write_text(
        'role = "firm_years"\nabout = "x"\nis_open = true\n[columns.firm_id]\ntype = "firm_id"\nrequired = true\n'
        '[columns.fiscal_year]\ntype = "year"\nrequired = true\n[columns.row_key]\ntype = "category"\n'
    )
    expected = build(folder, given.tables())
    assert build(folder, data, layout="layout.toml").source.equals(expected.source)
    assert not build(folder, data).source.equals(expected.source)


def test_the_order_of_rows_changes_no_bit_of_sums_of_fractions(folder):
    data = workplaces(3)
    for i, row in enumerate(data["firm_years"]):
        row["employees"] = f"{0.1 + 0.7 * i:.3f}"
    panels = [build(folder, data | {"firm_years": rows}) for rows in (data["firm_years"], data["firm_years"][::-1])]
    assert panels[0].source.equals(panels[1].source)


def test_vintages_of_insured_persons_per_workplace_become_a_panel(folder):
    """gBizINFO's workplaces: a file per year, a row per workplace; a row that is there twice by its key counts once."""
    heads = ["法人番号", "商号または名称", "登記住所", "名称", "事業所住所", "被保険者数", "全喪年月日", "キー情報"]
    for year in given.YEARS:
        rows = [
            [given.number(i), f"会社{i}", "", f"事業所{k}", "", str(5 + 3 * i + k + year % 7), "", f"{year}-{i}-{k}"]
            for i in given.FIRMS
            for k in range(1 + i % 3)
        ]
        text = "\n".join(",".join(row) for row in [heads, *rows, rows[0]])
        (folder / f"workplaces_{year}0601.csv").write_text(text + "\n", encoding="utf-8-sig")
    data = given.tables()
    del data["firm_years"]
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"] = {
        "layout": "gbizinfo-workplaces", "path": "workplaces_*.csv", "archive": "insured",
        "fiscal_year_from": "vintage", "combine": "sum",
    }  # fmt: skip
    asked |= {"outcome": [{"name": "insured_persons"}], "covariates": {"baseline": ["industry"]}}
    panel = build_panel(given.study(asked), folder)
    frame = panel.to_frame().set_index("firm_id")
    for i in given.FIRMS:
        expected = [sum(5 + 3 * i + k + year % 7 for k in range(1 + i % 3)) for year in given.YEARS]
        assert [frame.loc[given.number(i), f"insured_persons@{y}"] for y in given.YEARS] == expected
