"""The exact rules against every pair of awards and firms compared one by one."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.linking.exact import RULES, exact_hits

COLUMNS = ("name", "form", "prefecture", "city", "town", "numbers")


def table(rng: np.random.Generator, n: int, **more) -> pa.Table:
    """Draw few distinct values with many nulls, so that every way of being equal or missing occurs."""
    values = {c: [None if v == 0 else f"{c}{v}" for v in rng.integers(0, 3, n)] for c in COLUMNS}
    return pa.table(
        {"row": np.arange(n), **values, "day": pa.array(rng.integers(0, 3, n), mask=rng.random(n) < 0.3), **more}
    )


def holds(rule: str, a: dict, r: dict) -> bool:
    """Say whether a rule holds for a pair, from its description alone."""

    def same(c):
        return a[c] is not None and a[c] == r[c]

    def clash(c):
        return a[c] is not None and r[c] is not None and a[c] != r[c]

    is_open = a["day"] is None or r["day"] is None or r["day"] >= a["day"]
    has_city = a["city"] is not None and r["city"] is not None
    is_near = same("city") and not clash("prefecture") and not clash("form")
    return same("name") and is_open and {
        "name+address": is_near and same("numbers") and a["town"] == r["town"],
        "name+city": is_near,
        "name+prefecture": same("prefecture") and not clash("form") and (not has_city or r["is_only"]),
        "name": same("form") and not clash("prefecture") and not has_city,
    }[rule]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_hits_are_those_of_all_pairs(rule):
    rng = np.random.default_rng(3)
    awards = table(rng, 150)
    firms = table(rng, 60, firm=rng.integers(0, 20, 60), is_only=rng.random(60) < 0.5)
    expected = {}
    for a in awards.to_pylist():
        found = {r["firm"] for r in firms.to_pylist() if holds(rule.name, a, r)}
        if found:
            expected[a["row"]] = (len(found), min(found))
    with duckdb.connect() as database:
        database.register("open_award", awards)
        database.register("firm", firms)
        hits = exact_hits(database, rule).to_pylist()
    assert {h["award"]: (h["n_firms"], h["firm"]) for h in hits} == expected
    assert len(hits) == len(expected) > 0
