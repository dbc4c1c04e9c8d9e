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
def test_MAT14_limits(shift: float, verdict: str) -> None:
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
    sample = ek.match(firms.panel(table, ("x",)))
    raw, standardised = (ek.check(sample, (), "balance", binary=b) for b in ("raw", "standardised"))
    assert raw.verdict == standardised.verdict == "fail"
    assert (raw.rows[0]["smd_after"], standardised.rows[0]["smd_after"]) == (1.0, None)


def test_nothing_to_compare_is_said() -> None:
    assert ek.check(ek.match(firms.panel(firms.frame(40), ())), (), "balance").values == {"case": "no_covariates"}
    everyone = firms.panel(firms.frame(40).assign(g=2013))
    assert ek.check(ek.match(everyone), (), "balance").values == {"case": "no_groups"}


def test_effective_numbers_cohorts_subclasses_and_interactions_are_told() -> None:
    table = firms.frame(900, seed=2)
    table["g"] = np.where((table["g"] > 0) & (table.index % 3 == 0), 2014, table["g"])
    sample = ek.match(firms.panel(table), "exact", on=("industry",))
    values = ek.check(sample, (), "balance", interactions=True).values
    assert values["effective_controls"] == pytest.approx(sample.effective_controls)
    assert values["effective_treated"] == values["n_treated"] == sample.n_treated
    assert [part["cohort"] for part in values["cohorts"]] == [2013, 2014]
    assert sum(part["n_treated"] for part in values["cohorts"]) == sample.n_treated
    sizes = [part["max_smd"] for part in values["subclasses"]]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 4
    assert len(values["interactions"]) == 10
    paired = ek.check(ek.match(firms.panel(table), "nearest"), (), "balance").values
    assert not {"subclasses", "interactions"} & set(paired)


def test_raw_differences_of_shares() -> None:
    sample = ek.match(firms.panel(firms.frame()))
    raw, standardised = (
        ek.check(sample, (), "balance", binary=binary).table.set_index(["covariate", "level"])
        for binary in ("raw", "standardised")
    )
    flag = raw.loc[("debt", "")]
    assert flag["smd_after"] == pytest.approx(flag["mean_treated"] - flag["mean_control_after"])
    level = raw.loc[("industry", "I2")]
    assert level["smd_before"] == pytest.approx(level["mean_treated_before"] - level["mean_control_before"])
    assert level["smd_before"] != pytest.approx(standardised.loc[("industry", "I2"), "smd_before"])
    assert raw.loc[("size", ""), "smd_after"] == standardised.loc[("size", ""), "smd_after"]
