import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit as ek
import firms
from evalkit.checks.overlap import score_bins


def sample_with(treated: list[float], control: list[float], n_dropped: int = 0) -> ek.MatchedSample:
    n = len(treated) + len(control)
    table = firms.frame(n).assign(g=[2013] * len(treated) + [0] * len(control))
    reason = np.array(["outside_caliper"] * n_dropped + [""] * (n - n_dropped), dtype=object)
    plain = ek.match(firms.panel(table))
    weight = np.where(reason == "", 1.0, 0.0)
    return dataclasses.replace(plain, distance=np.array(treated + control), reason=reason, weight=weight, method="any")


def test_treated_firms_outside_or_dropped_are_counted_once() -> None:
    sample = sample_with([9.0, 0.5, 0.5, 0.1, *[0.5] * 16], [0.2, 0.9, 0.3], n_dropped=2)
    result = ek.check(sample, (), "overlap")
    assert result.values["n_outside"] == 2
    assert result.values["n_unmatched"] == 2
    assert result.values["n_without"] == 3
    assert result.values["dropped"] == {"outside_caliper": 2}
    assert result.statistic == pytest.approx(3 / 20)
    assert result.verdict == "warn"
    assert "3 of 20 treated firms (15.0%)" in result.sentence


@pytest.mark.parametrize(("n_outside", "verdict"), [(0, "pass"), (1, "pass"), (2, "warn"), (5, "warn"), (6, "fail")])
def test_limits(n_outside: int, verdict: str) -> None:
    sample = sample_with([5.0] * n_outside + [0.5] * (20 - n_outside), [0.0, 1.0])
    assert ek.check(sample, (), "overlap").verdict == verdict


def test_no_score_is_said() -> None:
    for method in ("none", "exact"):
        result = ek.check(ek.match(firms.panel(firms.frame()), method), (), "overlap")
        assert (result.verdict, result.values["case"], result.rows) == ("info", "no_score", ())


def test_the_histogram_counts_every_scored_firm() -> None:
    sample = ek.match(firms.panel(firms.frame(900)), "nearest", caliper=0.2)
    table = ek.check(sample, (), "overlap").table
    assert table["n_treated"].sum() == (sample.panel.cohort > 0).sum()
    assert table["n_control"].sum() == (sample.panel.cohort == 0).sum()
    assert len(table) > 8


SCORES = st.lists(st.floats(-30, 30, allow_nan=False), min_size=10, max_size=60)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SCORES, SCORES, st.integers(1, 12))
def test_bins_hide_small_groups_and_lose_nobody(treated: list[float], control: list[float], smallest: int) -> None:
    bins = score_bins(np.array(treated), np.array(control), smallest)
    if min(len(treated), len(control)) < smallest:
        assert bins == []
        return
    for one in bins:
        assert all(one[k] == 0 or one[k] >= smallest for k in ("n_treated", "n_control"))
        assert one["n_treated"] + one["n_control"] >= smallest
        assert one["low"] < one["high"]
    assert [one["low"] for one in bins[1:]] == [one["high"] for one in bins[:-1]]
    assert sum(one["n_treated"] for one in bins) == len(treated)
    assert sum(one["n_control"] for one in bins) == len(control)
    lowest, highest = min(treated + control), max(treated + control)
    assert bins[0]["low"] <= lowest + 1e-9
    assert bins[-1]["high"] >= highest - 1e-9


def test_edges_are_round_numbers() -> None:
    rng = np.random.default_rng(1)
    bins = score_bins(rng.normal(0, 1, 500), rng.normal(-1, 1, 3000), 10)
    edges = [one["low"] for one in bins]
    assert edges == [round(edge, 1) for edge in edges]
