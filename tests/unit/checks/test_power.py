import dataclasses

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Outcome
from evalkit.stats.design_power import detectable_effect, power_at

EXACT = 1e-9
YEARS = list(range(2009, 2019))
DESIGNS, REPETITIONS = 12, 2_000
NOISE_OF_ERROR = 0.05
"""Of a standard error predicted from 400 firms and 6 years: about 1 / sqrt(2 * 200) for each group of firms."""


def outcomes(rng: np.random.Generator, n: int, ar: float, walk: float = 0.0) -> np.ndarray:
    """Levels of firms, shocks that last with `ar`, and a random walk."""
    y = np.empty((n, len(YEARS)))
    shock = rng.normal(size=n) / np.sqrt(1 - ar**2)
    for t in range(len(YEARS)):
        y[:, t] = shock
        shock = ar * shock + rng.normal(size=n)
    return y + rng.normal(0, 2, (n, 1)) + walk * rng.normal(size=(n, len(YEARS))).cumsum(axis=1)


def panel(y: np.ndarray, cohort: np.ndarray, years: list[int] = YEARS, **roles: object) -> ek.MatchedSample:
    """A panel of given paths, the first columns of `y` by year; columns of other years do not exist."""
    whole = ek.Panel(
        pa.table({
            "firm_id": [f"F{i:05d}" for i in range(len(y))],
            "cohort": pa.array(cohort, pa.int32(), mask=cohort == 0),
            **{f"y@{t}": y[:, j] for j, t in enumerate(years)},
        }),
        tuple(YEARS), (Outcome(name="y"),),
    )  # fmt: skip
    return twins.sample(dataclasses.replace(whole, **roles))


def cohorts(n: int) -> np.ndarray:
    """Half of the firms never, a quarter each in 2015 and 2017."""
    return np.resize([0, 2015, 0, 2017], n).astype(np.int32)


def check(sample: ek.MatchedSample, **options: object):
    return ek.check(sample, (), "power", **options)


@pytest.mark.parametrize(("ar", "walk"), [(0.0, 0.0), (0.6, 0.0), (0.3, 0.5)])
def test_predicted_error_is_the_estimators(ar: float, walk: float) -> None:
    ratio = []
    for seed in range(DESIGNS):
        sample = panel(outcomes(np.random.default_rng(seed), 400, ar, walk), cohorts(400))
        found = ek.aggregate(ek.estimate(sample, "group_time")).table["std_error"][0]
        ratio.append(check(sample).values["std_error"] / found)
    assert np.mean(ratio) == pytest.approx(1, abs=3 * NOISE_OF_ERROR * np.sqrt(2 / DESIGNS))


def test_an_effect_of_2_8_errors_is_seen_four_times_in_five() -> None:
    """The planned test on other samples of the same design rejects as often as was told before."""
    n = 400
    predicted = np.mean([
        check(panel(outcomes(np.random.default_rng(s), n, 0.5), cohorts(n))).values["detectable"]
        for s in range(DESIGNS)
    ])  # fmt: skip
    seen = 0
    for seed in range(REPETITIONS):
        y, g = outcomes(np.random.default_rng(1000 + seed), n, 0.5), cohorts(n)
        y = y + predicted * ((g > 0)[:, None] & (np.array(YEARS) >= g[:, None]))
        parts, psi = [], np.zeros(n)
        for cohort, share in ((2015, 4 / 6), (2017, 2 / 6)):
            change = y[:, [YEARS.index(t) for t in YEARS if t >= cohort]].mean(axis=1) - y[:, YEARS.index(cohort - 1)]
            for members, sign in ((g == cohort, 1), (g == 0, -1)):
                own = change[members]
                parts.append(share * sign * own.mean())
                psi[members] += share * sign * (own - own.mean()) / len(own)
        seen += abs(sum(parts)) > 1.959964 * np.sqrt((psi**2).sum())
    assert 0.77 <= seen / REPETITIONS <= 0.83


def test_cohorts_have_the_errors_of_a_brute_force_contrast() -> None:
    """Without pooling over years: the variogram of each cohort, by hand."""
    y, g = outcomes(np.random.default_rng(4), 200, 0.4), cohorts(200)
    before = [t for t in YEARS if t < 2015]
    result = check(panel(y, g))
    for row in result.rows:
        v = [0.0]
        for lag in range(1, len(before)):
            found = [
                sum((y[m, t] - y[m, t - lag]).var() / m.sum() for m in (g == row["cohort"], g == 0))
                for t in range(lag, len(before))
            ]
            v.append(float(np.mean(found)))
        post = [t for t in YEARS if t >= row["cohort"]]
        c = {row["cohort"] - 1: -1.0, **{t: 1 / len(post) for t in post}}
        variance = -0.5 * sum(a * b * v[abs(s - t)] for s, a in c.items() for t, b in c.items())
        assert row["std_error"] == pytest.approx(np.sqrt(variance), rel=EXACT)


def test_no_outcome_after_the_award_is_read() -> None:
    y, g = outcomes(np.random.default_rng(1), 100, 0.5), cohorts(100)
    sealed = panel(y, g, years=[t for t in YEARS if t < 2015])
    assert repr(check(sealed)) == repr(check(panel(y, g)))


def test_verdicts_follow_the_declared_effect() -> None:
    sample = panel(outcomes(np.random.default_rng(2), 200, 0.5), cohorts(200))
    told = check(sample)
    assert (told.verdict, told.values["case"], told.statistic) == ("info", "not_declared", None)
    wanted = told.values["detectable"]
    verdicts = [check(sample, effect=wanted * k).verdict for k in (1.01, 0.9, 0.5)]
    assert verdicts == ["pass", "warn", "fail"]
    assert check(sample, effect=wanted).statistic == pytest.approx(0.8, abs=1e-5)


def test_more_anticipation_means_fewer_years() -> None:
    sample = panel(outcomes(np.random.default_rng(2), 200, 0.5), cohorts(200), anticipation=2)
    assert check(sample).values["years_before"] == 4


def test_the_usual_multiple() -> None:
    assert detectable_effect(1.0, 0.05, 0.8) == pytest.approx(2.8016, abs=1e-4)
    assert power_at(2.8016, 1.0, 0.05) == pytest.approx(0.8, abs=1e-4)
    assert power_at(0.0, 1.0, 0.05) == pytest.approx(0.05, abs=1e-12)


def test_one_year_before_is_said() -> None:
    sample = panel(outcomes(np.random.default_rng(2), 60, 0.5), np.resize([0, 2010], 60).astype(np.int32))
    assert check(sample).values["case"] == "no_years_before"


def test_outcomes_that_do_not_vary_are_said() -> None:
    assert check(panel(np.ones((60, len(YEARS))), cohorts(60))).values["case"] == "no_variance"
