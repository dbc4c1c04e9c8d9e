import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms
import twins
from evalkit.stats.specifications import Specification, curve, thinned

SAME = 1e-7
"""Per cent; moments of parts are sums of the same integers, but whole panels are rounded at other units."""


def positive(**options: object) -> pd.DataFrame:
    table = twins.frame(400, seed=6, **options)
    return table.assign(y=np.exp(0.3 * table["y"]))


def ask(table: pd.DataFrame, transform: str = "log", **options: object) -> ek.CheckResult:
    panel = ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes={"y": transform})
    sample = ek.match(panel)
    return ek.check(sample, ek.estimate(sample), "specification_curve", **options)


def row_of(found: ek.CheckResult, **choices: str) -> dict:
    (row,) = (r for r in found.rows if all(r[k] == v for k, v in choices.items()))
    return row


def percent(table: pd.DataFrame, name: str, transform: str = "log", **options: object) -> float:
    panel = ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes={"y": transform})
    effects = ek.estimate(ek.match(panel), name, **options)
    b = float(ek.aggregate(effects).table["estimate"].iloc[0])
    return 100 * np.expm1(b) if transform == "log" else 100 * b / effects.baseline["y"]


@pytest.mark.parametrize("name", ["group_time", "sun_abraham", "imputation", "two_stage", "extended_twfe"])
def test_parts_from_moments_are_what_the_data_of_the_part_give(name: str) -> None:
    table = positive(missing=0.05)
    found = ask(table, estimators=(name,), comparisons=("never_treated",))
    full = table.groupby("firm")["year"].transform("size") == table["year"].nunique()
    for firms_, kept in (("all", table), ("balanced", table[full])):
        for without in ("none", "2013", "2014", "2015"):
            part = kept if without == "none" else kept[kept["g"] != int(without)]
            row = row_of(found, firms=firms_, without=without)
            assert row["estimate"] == pytest.approx(percent(part, name), abs=SAME)


def test_scales_and_comparison_firms_are_varied() -> None:
    table = positive()
    found = ask(table, estimators=("group_time",), transforms=("level",), cohorts=False, balanced=False)
    assert len(found.rows) == 4
    for scale in ("log", "level"):
        for against in ("never_treated", "not_yet_treated"):
            wanted = percent(table, "group_time", scale, comparison=against)
            assert row_of(found, scale=scale, against=against)["estimate"] == pytest.approx(wanted, abs=SAME)


def test_each_caliper_is_matched_again() -> None:
    panel = firms.panel(firms.frame(600))
    sample = ek.match(panel, "nearest", caliper=0.2, seed=4)
    found = ek.check(
        sample, ek.estimate(sample), "specification_curve", estimators=("group_time",), comparisons=("never_treated",),
        calipers=(0.05,), cohorts=False, balanced=False, transforms=(),
    )  # fmt: skip
    assert {row["caliper"] for row in found.rows} <= {"0.2", "0.05"}
    again = ek.estimate(ek.match(panel, "nearest", caliper=0.05, seed=4))
    outcome = panel.outcomes[0].name
    wanted = ek.aggregate(again).table.set_index("outcome")["estimate"][outcome] / again.baseline[outcome] * 100
    assert row_of(found, caliper="0.05")["estimate"] == pytest.approx(wanted, rel=1e-6)


def test_extremes_are_moved_to_the_quantiles_of_each_year() -> None:
    table = positive()
    found = ask(
        table,
        estimators=("group_time",),
        comparisons=("never_treated",),
        cohorts=False,
        balanced=False,
        winsors=(0.05,),
    )
    values = {year: np.sort(own) for year, own in table.groupby("year")["y"]}
    low, high = ({year: v[int(np.ceil(q * len(v))) - 1] for year, v in values.items()} for q in (0.05, 0.95))
    clipped = table.assign(y=table["y"].clip(table["year"].map(low), table["year"].map(high)))
    for share, data in (("none", table), ("0.05", clipped)):
        assert row_of(found, winsor=share)["estimate"] == pytest.approx(percent(data, "group_time"), abs=SAME)


def test_covariates_are_taken_out_in_the_whole_sample() -> None:
    panel = firms.panel(firms.frame(600))
    sample = ek.match(panel)
    found = ek.check(
        sample, ek.estimate(sample), "specification_curve", estimators=("group_time", "imputation"),
        comparisons=("never_treated",), adjustments=("doubly_robust", "ipw"), balanced=False,
    )  # fmt: skip
    named = [(row["method"], row["adjustment"], row["without"]) for row in found.rows]
    assert {("group_time", kind, "none") for kind in ("none", "doubly_robust", "ipw")} < set(named)
    assert all(kind == "none" for method, kind, without in named if method == "imputation" or without != "none")
    effects = ek.estimate(sample, "group_time", adjustment="ipw")
    wanted = 100 * ek.aggregate(effects).table["estimate"].iloc[0] / effects.baseline["y"]
    assert row_of(found, adjustment="ipw")["estimate"] == pytest.approx(wanted, rel=1e-9)


def test_verdict_is_about_the_sign() -> None:
    assert ask(positive()).verdict == "pass"
    null = twins.frame(300, effect=0.0, seed=3)
    found = ask(null.assign(y=np.exp(0.3 * null["y"])))
    positive_share = np.mean([row["estimate"] > 0 for row in found.rows])
    assert found.values["share_positive"] == pytest.approx(positive_share)
    assert found.verdict == {True: "pass"}.get(max(positive_share, 1 - positive_share) >= 0.95, found.verdict)


def made(estimates: list[float], p: float = 0.5) -> list[Specification]:
    return [Specification({"method": f"m{i}"}, e, e - 1, e + 1, p) for i, e in enumerate(estimates)]


def test_what_all_say_together() -> None:
    found = curve(made([3.0, -2.0, 0.5, 4.0], p=0.2))
    assert (found.median, found.lowest, found.highest) == (1.75, -2.0, 4.0)
    assert (found.share_positive, found.n_significant, found.p_value) == (0.75, 3, 0.8)
    assert curve(made([1.0, 2.0], p=0.7)).p_value == 1.0


def test_a_long_curve_keeps_its_ends_and_its_order() -> None:
    estimates = np.random.default_rng(1).normal(size=1_000).tolist()
    kept = [s.estimate for s in thinned(made(estimates), 400)]
    assert len(kept) == 400
    assert (kept[0], kept[-1]) == (min(estimates), max(estimates))
    assert kept == sorted(kept)


def test_what_cannot_be_estimated_is_counted() -> None:
    table = positive()
    sample = ek.match(twins.panel(table[table["g"] > 0]))
    effects = ek.estimate(sample, "group_time", comparison="not_yet_treated")
    found = ek.check(sample, effects, "specification_curve", estimators=("group_time", "imputation"))
    assert int(found.values["failed"]) > 0
    assert int(found.values["compared"]) == len(found.rows)


@pytest.mark.parametrize("options", [
    {"estimators": ()}, {"estimators": ("nonsense",)}, {"transforms": ("growth",)}, {"comparisons": ()},
    {"winsors": (0.5,)}, {"winsors": (0.0,)}, {"adjustments": ("none",)},
])  # fmt: skip
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ask(positive(), **options)
    assert caught.value.code == "E_OPTION"
