"""Rows into awards: the same awards in any order of rows, and no yen lost on the way."""

import random
from collections import defaultdict

import pytest

import etl_inputs as given
from award_inputs import row, run


def history(seed):
    order = random.Random(seed)
    rows = []
    for n in range(60):
        amount = order.randrange(1, 50) * order.choice([1, 1, 1, -1])
        day = f"{order.randrange(2018, 2022)}-0{order.randrange(4, 10)}-1{order.randrange(10)}"
        rows.append(
            row(
                order.randrange(6), day, amount, programme=f"P{n % 2}", award_id=f"A{n}" if amount > 0 and n % 3 else ""
            )
        )
    return rows


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_rows_gives_the_same_awards(tmp_path, seed):
    rows = history(seed)
    found = []
    for turn in range(3):
        random.Random(turn).shuffle(rows)
        awards, cohorts, flow = run(tmp_path, rows)
        columns = [awards.rows[n].to_pylist() for n in ("firm_id", "programme", "award_date", "amount")]
        found.append((sorted(zip(*columns, strict=True)), cohorts.to_pydict(), flow))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("seed", range(5))
def test_money_in_is_money_kept_set_aside_and_void(tmp_path, seed):
    rows = [{**r, "award_id": ""} for r in history(seed)]
    awards, _, flow = run(tmp_path, rows)
    steps = {s.step: s for s in flow.steps}
    n_distinct = len({tuple(sorted(r.items())) for r in rows})
    assert steps["distinct awards"].kept == n_distinct == steps["events of awards"].n_in
    money = defaultdict(int)
    for key, amount in {tuple(sorted(r.items())): int(r["交付決定額"]) * 1000 for r in rows}.items():
        money[dict(key)["法人番号"]] += amount
    for firm, amount in zip(*(awards.rows[n].to_pylist() for n in ("firm_id", "amount")), strict=True):
        money[str(firm)] -= int(amount)
    for place, amount in zip(*(awards.rejected[n].to_pylist() for n in ("row", "amount")), strict=True):
        money[given.csv_text(rows).splitlines()[place + 1].split(",")[0]] -= int(amount)
    assert all(left <= 0 for left in money.values())
    assert steps["in force"].quarantined > 0 or set(money.values()) == {0}
