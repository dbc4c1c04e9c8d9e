"""Programme titles over the years."""

import pytest

from award_inputs import row, run
from evalkit.etl.awards.programmes import programme_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("令和３年度（令和２年度からの繰越分）水田活用直接支払交付金", "水田活用直接支払交付金"),
        ("平成30年度 ものづくり補助金", "ものづくり補助金"),
        ("2019年度における消防防災施設　災害復旧費補助金", "消防防災施設災害復旧費補助金"),
        ("H30補正ものづくり補助金", "補正ものづくり補助金"),
        ("．復興街づくりＩＣＴ基盤整備事業", "復興街づくりICT基盤整備事業"),
        ("令和元年度", "令和元年度"),
        ("P1", "P1"),
        ("2020事業", "2020事業"),
        ("RSウイルス対策", "RSウイルス対策"),
    ],
)
def test_years_in_front_are_left_out(title, name):
    assert programme_name(title) == name
    assert programme_name(name) == name


def test_a_programme_is_found_in_all_its_years_and_a_year_when_it_is_named(tmp_path):
    titles = ["令和２年度水田交付金", "令和３年度　水田交付金", "水田交付金", "別の交付金"]
    rows = [row(i, "2020-05-01", 1, programme=title) for i, title in enumerate(titles)]
    assert len(run(tmp_path, rows, programme=["水田交付金"])[1]) == 3
    assert len(run(tmp_path, rows, programme=["令和２年度水田交付金"])[1]) == 1
