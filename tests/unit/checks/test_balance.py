import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms


def test_matching_balances_and_the_verdict_follows_the_largest_difference() -> None:
    panel = firms.panel(firms.frame(900, seed=2))
    before = ek.check(ek.match(panel), (), "balance")
    after = ek.check(ek.match(panel, "nearest", caliper=0.1), (), "balance")
    assert before.verdict == "fail"
    assert before.statistic == before.values["max_smd_before"] == after.values["max_smd_before"]
    assert after.statistic < before.statistic / 2
    table = after.table
    assert list(table["covariate"].unique()) == list(firms.COVARIATES)
    assert list(table.loc[table["covariate"] == "industry", "level"]) == ["I0", "I1", "I2", "I3"]
    worst = table.loc[table["smd_after"].abs().idxmax()]
    assert after.statistic == abs(worst["smd_after"])
    assert worst["covariate"] in after.sentence


def test_rows_equal_means_of_the_frame() -> None:
    sample = ek.match(firms.panel(firms.frame()), "nearest", ratio=2)
    table = ek.check(sample, (), "balance").table.set_index("covariate")
    frame = sample.panel.to_frame().assign(w=sample.weight, treated=sample.panel.cohort > 0)
    treated, control = frame[frame["treated"]], frame[~frame["treated"]]
    mean_after = np.average(control["size"], weights=control["w"])
    row = table.loc["size"]
    assert row["mean_treated"] == pytest.approx(treated["size"].mean())
    assert row["mean_control_before"] == pytest.approx(control["size"].mean())
    assert row["mean_control_after"] == pytest.approx(mean_after)
    assert row["smd_after"] == pytest.approx((treated["size"].mean() - mean_after) / treated["size"].std())
    assert row["variance_ratio_before"] == pytest.approx(treated["size"].var() / control["size"].var())


@pytest.mark.parametrize(("shift", "verdict"), [(0.099, "pass"), (0.101, "warn"), (0.249, "warn"), (0.251, "fail")])
def test_limits(shift: float, verdict: str) -> None:
    x = np.tile([-1.0, 1.0], 10)
    sd = np.std(x, ddof=1)
    table = pd.DataFrame({
        "firm": [f"f{i:02d}" for i in range(40)], "g": [2013] * 20 + [0] * 20, "x": np.concatenate([x + shift * sd, x]),
    })  # fmt: skip
    result = ek.check(ek.match(firms.panel(table, ("x",))), (), "balance")
    assert result.verdict == result.values["case"] == verdict
    assert result.statistic == pytest.approx(shift)
    assert result.values["n_above"] == (0 if verdict == "pass" else 1)


def test_firms_outside_the_window_do_not_count() -> None:
    table = firms.frame(100)
    odd = table.assign(firm="x" + table["firm"], size=1e6, g=np.where(table.index % 2, 2011, 2030))
    both = ek.check(ek.match(firms.panel(pd.concat([table, odd]))), (), "balance")
    pd.testing.assert_frame_equal(both.table, ek.check(ek.match(firms.panel(table)), (), "balance").table)


def test_groups_that_differ_without_varying_fail() -> None:
    table = firms.frame(40).assign(x=lambda t: (t["g"] > 0) * 1.0)
    result = ek.check(ek.match(firms.panel(table, ("x",))), (), "balance")
    assert result.verdict == "fail"
    assert result.rows[0]["smd_after"] is None


def test_nothing_to_compare_is_said() -> None:
    assert ek.check(ek.match(firms.panel(firms.frame(40), ())), (), "balance").values == {"case": "no_covariates"}
    everyone = firms.panel(firms.frame(40).assign(g=2013))
    assert ek.check(ek.match(everyone), (), "balance").values == {"case": "no_groups"}
