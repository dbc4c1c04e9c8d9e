"""Scores against the weights added up by hand, and characters counted as characters."""

import math

import duckdb
import pyarrow as pa
import pytest

from evalkit.etl.linking.splink import BLOCKS, scored_pairs, settings

N_FIRMS = 1000
EXACT_ARITHMETIC = 1e-9


def keys(rows, **more) -> pa.Table:
    names = ("row", "name", "form", "prefecture", "city", "town", "numbers")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return pa.table({**{k: list(v) for k, v in columns.items()}, "day": pa.nulls(len(rows), pa.date32()), **more})


def scores(award, *firms) -> dict[int, float]:
    with duckdb.connect() as database:
        database.register("open_award", keys([(0, *award)]))
        database.register("firm", keys([(i, *f) for i, f in enumerate(firms)], firm=list(range(len(firms)))))
        pairs = scored_pairs(database, N_FIRMS, -100.0)
    return dict(zip(pairs["firm"].to_pylist(), pairs["weight"].to_pylist(), strict=True))


PLACE = ("株式会社", "東京都", "港区", "芝", "1-2-3")


def bayes(*ratios: float) -> float:
    """Add the prior, one link to as many pairs as there are firms, and the likelihood ratios in bits."""
    return math.log2(1 / N_FIRMS) + sum(math.log2(r) for r in ratios)


@pytest.mark.parametrize(
    ("name", "other", "ratio"),
    [
        ("東海電子", "東海電子", 0.82 / (1 / N_FIRMS)),
        ("東海電子工業所", "東海電子工業店", 0.08 / 1e-5),
        ("東海電子", "東海雷子", 0.05 / 1e-4),
        ("東海電子", "東海電子販売東京", 0.03 / 5e-4),
        ("東海電子", "東山農園", 0.02 / 0.999389),
    ],
)
def test_the_weight_of_names(name, other, ratio):
    found = scores((name, *PLACE), (other, *PLACE))
    assert found[0] == pytest.approx(bayes(ratio, 0.97 / 0.5, 0.75 / 1e-5), abs=EXACT_ARITHMETIC)


@pytest.mark.parametrize(
    ("place", "ratio"),
    [
        (("東京都", "港区", "芝", "1-2-3"), 0.75 / 1e-5),
        (("東京都", "港区", "芝", "1-2-3-405"), 0.06 / 1e-5),
        (("東京都", "港区", "芝", "1-2-30"), 0.09 / 2e-4),
        (("東京都", "港区", "海岸", "1-2-3"), 0.04 / 2e-3),
        (("東京都", "北区", "芝", "1-2-3"), 0.04 / 0.04),
        (("大阪府", "北区", "芝", "1-2-3"), 0.02 / 0.95778),
        ((None, None, None, None), 1.0),
    ],
)
def test_the_weight_of_places(place, ratio):
    found = scores(("東海電子", *PLACE), ("東海電子", "有限会社", *place))
    assert found[0] == pytest.approx(bayes(0.82 * N_FIRMS, 0.03 / 0.5, ratio), abs=EXACT_ARITHMETIC)


def test_a_common_name_weighs_less():
    firms = [("東海電子", *PLACE)] * 8
    assert scores(("東海電子", *PLACE), *firms)[0] == pytest.approx(
        bayes(0.82 * N_FIRMS / 8, 0.97 / 0.5, 0.75 / 1e-5), abs=EXACT_ARITHMETIC
    )


def test_numbered_sisters_at_one_address_are_told_apart():
    found = scores(("東海2号投資組合", *PLACE), ("東海2号投資組合", *PLACE), ("東海3号投資組合", *PLACE))
    assert found[0] - found[1] > 3


def test_the_parameters_are_shares():
    for comparison in settings(N_FIRMS)["comparisons"]:
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        assert sum(level["m_probability"] for level in levels) == pytest.approx(1.0, abs=1e-9)
        assert sum(level["u_probability"] for level in levels) == pytest.approx(1.0, abs=1e-3)


def test_the_blocks_are_those_of_the_settings():
    rules = settings(N_FIRMS)["blocking_rules_to_generate_predictions"]
    assert [" and ".join(f"l.{c} = r.{c}" for c in block.split(", ")) for block in BLOCKS] == rules
