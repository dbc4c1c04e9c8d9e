"""Awards of several firms: whole yen that add up to the award."""

import random

import pytest

import etl_inputs as given
from award_inputs import row, run
from evalkit.etl.awards.consortium import split


@pytest.mark.parametrize("seed", range(20))
def test_parts_add_up_and_are_within_one_of_their_share(seed):
    order = random.Random(seed)
    amount = order.randrange(-(10**12), 10**12)
    shares = [order.choice([0.1, 1, 2.5, 33.3, 7]) for _ in range(order.randrange(2, 9))]
    parts = split(amount, shares)
    assert sum(parts) == amount
    assert all(abs(p - amount * s / sum(shares)) < 1 + 1e-3 for p, s in zip(parts, shares, strict=True))


def five(amounts=(100,) * 5, **more):
    return [row(i, "2020-05-01", amounts[i], award_id="A", **{k: v[i] for k, v in more.items()}) for i in range(5)]


def test_equal_parts(tmp_path):
    yen = {"unit": {"amount": "yen"}}
    awards, cohorts, flow = run(tmp_path, five((103,) * 5), awards=yen, consortium="equal")
    amounts = dict(zip(map(str, awards.rows["firm_id"].to_pylist()), awards.rows["amount"].to_pylist(), strict=True))
    assert [amounts[n] for n in sorted(amounts)] == [21, 21, 21, 20, 20]
    assert sum(amounts.values()) == 103
    assert len(cohorts) == 5
    assert flow.steps[2].step == "shares"


def test_shares_from_a_column(tmp_path):
    awards, _, _ = run(tmp_path, five(share=("50", "20", "10", "10", "10")), consortium="share")
    amounts = {str(k): v for k, v in zip(*(awards.rows[n].to_pylist() for n in ("firm_id", "amount")), strict=True)}
    assert [amounts[given.number(i)] for i in range(5)] == [50_000, 20_000, 10_000, 10_000, 10_000]


@pytest.mark.parametrize(
    ("rows", "rule", "code"),
    [
        (five(), "refuse", "E_KEY_CONFLICT"),
        (five((1, 2, 3, 4, 5)), "equal", "E_SHARE"),
        (five(share=("1", "", "1", "1", "1")), "share", "E_SHARE"),
        (five(share=("0",) * 5), "share", "E_SHARE"),
    ],
)
def test_without_a_rule_that_fits_they_are_set_aside(tmp_path, rows, rule, code):
    awards, _, _ = run(tmp_path, [*rows, row(6, "2020-05-01", 1, award_id="B", share="1")], consortium=rule)
    assert awards.rejected["rule"].to_pylist() == [code] * 5
    assert len(awards.rows) == 1
