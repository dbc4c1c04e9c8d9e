import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins

EXACT = 1e-10
REPETITIONS = 40


def frame(n: int = 600, seed: int = 1, leave: float = 0.0) -> pd.DataFrame:
    """Firms with a size and an industry; the smallest supported ones leave with the award, a share `leave` of all."""
    long = twins.frame(n, seed=seed)
    rng = np.random.default_rng(seed + 1000)
    firms = pd.DataFrame({"firm": sorted(long["firm"].unique())})
    firms["size"], firms["industry"] = rng.normal(3, 2, n), rng.choice(list("ABC"), n)
    long = long.merge(firms, on="firm")
    is_small = long["size"] < firms["size"].quantile(leave) if leave else False
    return long[~(is_small & (long["g"] > 0) & (long["year"] >= long["g"]))]


def check(long: pd.DataFrame, **options: object):
    sample = twins.sample(twins.panel(long, covariates=["size", "industry"]))
    return ek.check(sample, (), "composition", **options)


def test_changes_are_those_of_a_loop_over_cohorts() -> None:
    long = frame(leave=0.2)
    long = long[np.random.default_rng(3).random(len(long)) > 0.1]
    firms = long.groupby("firm")[["g", "size", "industry"]].first()
    deviation = firms.loc[firms["g"] > 0, "size"].std()
    seen = long.pivot_table(index="firm", columns="year", values="y").notna()
    terms = {("size", ""): firms["size"] / deviation}
    terms |= {("industry", k): (firms["industry"] == k).astype(float) for k in "ABC"}
    for row in check(long).rows:
        x, total, mass = terms[row["covariate"], row["level"]], np.zeros(2), 0.0
        for cohort in (2013, 2014, 2015):
            now, base = cohort + row["event_time"], cohort - 1
            if now in seen.columns:
                own = firms["g"] == cohort
                part = [x[m & seen[now]].mean() - x[m & seen[base]].mean() for m in (own, firms["g"] == 0)]
                total += (own & seen[base]).sum() * np.array(part)
                mass += (own & seen[base]).sum()
        assert (row["smd_change_treated"], row["smd_change_control"]) == pytest.approx(total / mass, abs=EXACT)


def test_nobody_missing_nothing_changes() -> None:
    result = check(frame())
    assert (result.verdict, result.statistic) == ("pass", 0)


@pytest.mark.parametrize(("leave", "verdict"), [(0.1, "warn"), (0.3, "fail")])
def test_small_supported_firms_that_leave_are_seen(leave: float, verdict: str) -> None:
    result = check(frame(2000, leave=leave))
    assert (result.verdict, result.values["covariate"]) == (verdict, "size")
    assert result.values["smd_change"] > 0


def test_values_missing_by_chance_rarely_warn() -> None:
    n_warned = 0
    for seed in range(REPETITIONS):
        long = frame(1000, seed)
        kept = np.random.default_rng(seed + 77).random(len(long)) > 0.1
        n_warned += check(long[kept]).verdict != "pass"
    assert n_warned <= 0.1 * REPETITIONS


def test_without_characteristics_it_says_so() -> None:
    result = ek.check(twins.sample(twins.panel(twins.frame(60))), (), "composition")
    assert (result.verdict, result.values["case"]) == ("info", "no_covariates")


def test_impossible_limits_are_refused() -> None:
    with pytest.raises(ek.EvalkitError):
        check(frame(100), warn_above=0.5, fail_above=0.2)
