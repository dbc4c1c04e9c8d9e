"""The randomisation test against the estimators, draws written out, and repeated samples of a true null."""

import dataclasses

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.engine.deals import deal
from evalkit.errors import EvalkitError
from evalkit.stats.randomisation import Dealt, deals, randomisation_test

N_DRAWS = 499


def long_of(n_treated: int = 8, effect: float = 0.0, n: int = 60, cohorts: int = 1, missing: float = 0.0):
    long = twins.frame(n=n, effect=0.0, growth=0.0, seed=7, missing=missing)
    number = long["firm"].str[1:].astype(int)
    long["g"] = np.where(number < n_treated, 2013 + number % cohorts, 0)
    long["y"] += np.where((long["g"] > 0) & (long["year"] >= long["g"]), effect, 0.0)
    return long


def ask(long, method="group_time", **options):
    sample = twins.sample(twins.panel(long))
    return ek.check(sample, ek.estimate(sample, method), "randomisation", **options)


def test_an_effect_is_found_and_none_is_not() -> None:
    found, none = ask(long_of(effect=3.0)), ask(long_of())
    assert (found.verdict, found.values["case"]) == ("pass", "effect")
    assert found.statistic == pytest.approx(1 / 1000)
    assert (none.verdict, none.values["case"]) == ("pass", "chance")
    assert none.statistic > 0.05


def test_the_statistic_is_that_of_group_time_effects() -> None:
    sample = twins.sample(twins.panel(long_of()))
    overall = ek.aggregate(ek.estimate(sample, "group_time"), "overall")
    found = randomisation_test(deal(sample, sample.panel.outcomes[0]), 99, 0)
    shares = overall.shares
    own = ek.aggregate(dataclasses.replace(ek.estimate(sample, "group_time"), shares=None), "overall")
    assert shares is not None
    assert found.estimate == pytest.approx(overall.table["estimate"][0], rel=1e-7)
    assert found.std_error == pytest.approx(own.table["std_error"][0], rel=1e-7)


def test_cohorts_are_averaged_as_group_time_does() -> None:
    sample = twins.sample(twins.panel(long_of(n_treated=20, cohorts=3)))
    overall = ek.aggregate(ek.estimate(sample, "group_time"), "overall")
    found = randomisation_test(deal(sample, sample.panel.outcomes[0]), 99, 0)
    assert found.estimate == pytest.approx(overall.table["estimate"][0], rel=1e-7)


def slow(dealt: Dealt, members) -> tuple[float, float]:
    """Return the mean effect and its variance by loops over firms."""
    n_cohorts = len(dealt.share)
    label = np.full(len(dealt.weight), -1)
    for c, rows in enumerate(members):
        label[rows] = c
    estimate, psi = 0.0, np.zeros(len(label))
    for c in range(n_cohorts):
        for side, sign in ((c, 1.0), (-1, -1.0)):
            use = (label == side) & np.isfinite(dealt.change[:, c])
            w, y = dealt.weight[use], dealt.change[use, c]
            mean = (w * y).sum() / w.sum()
            estimate += sign * dealt.share[c] * mean
            psi[use] += sign * dealt.share[c] * w * (y - mean) / w.sum()
    variance = 0.0
    for side in (-1, *range(n_cohorts)):
        seen = np.isfinite(dealt.change[label == side])
        n = seen.sum(axis=0).min() if side < 0 else seen[:, side].sum()
        variance += (psi[label == side] ** 2).sum() * n / (n - 1)
    return estimate, variance


def test_every_draw_written_out() -> None:
    sample = twins.sample(
        twins.panel(long_of(n_treated=12, cohorts=2, missing=0.05)), np.linspace(0.5, 2.0, 60)
    )  # fmt: skip
    dealt = deal(sample, sample.panel.outcomes[0])
    assert np.isnan(dealt.change).any()
    estimate, variance = slow(dealt, dealt.members)
    found = randomisation_test(dealt, 200, 5)
    assert (found.estimate, found.std_error) == pytest.approx((estimate, np.sqrt(variance)), rel=1e-8)
    drawn = np.array([slow(dealt, members) for members in deals(dealt.cohort, dealt.stratum, 200, 5)])
    statistics = np.abs(drawn[:, 0]) / np.sqrt(drawn[:, 1])
    expected = (1 + (statistics >= abs(estimate) / np.sqrt(variance)).sum()) / 201
    assert found.p_value == pytest.approx(expected)


def test_strata_keep_their_numbers_of_each_cohort() -> None:
    rng = np.random.default_rng(3)
    stratum, cohort = rng.integers(0, 4, 200), rng.choice([-1, 0, 1], 200, p=[0.7, 0.2, 0.1])
    dealt = Dealt(rng.normal(size=(200, 2)), np.ones(200), cohort, stratum, np.array([0.5, 0.5]))
    hands = list(deals(dealt.cohort, dealt.stratum, 20, 1))
    for members in hands:
        assert len(set(np.concatenate(members))) == sum(map(len, members))
        for c, rows in enumerate(members):
            np.testing.assert_array_equal(
                np.bincount(stratum[rows], minlength=4), np.bincount(stratum[cohort == c], minlength=4)
            )
    assert len({tuple(np.concatenate(m)) for m in hands}) == 20


def test_size_holds_when_treated_firms_vary_more() -> None:
    """A true null in 250 samples of 5 treated firms that are three times as noisy as 60 others.

    The plain difference of means, without its standard error, rejects many times too often.
    """
    rng, n_samples = np.random.default_rng(9), 250
    rejected, plain = 0, 0
    cohort = np.where(np.arange(65) < 5, 0, -1)
    for k in range(n_samples):
        y = rng.normal(size=65) * np.where(cohort == 0, 3.0, 1.0)
        dealt = Dealt(y[:, None], np.ones(65), cohort, np.zeros(65, np.int64), np.ones(1))
        rejected += randomisation_test(dealt, 99, k).p_value <= 0.05
        shuffled = np.array([rng.permutation(y)[:5].sum() for _ in range(99)])
        plain += (1 + (np.abs(shuffled - 5 * y.mean()) >= abs(y[:5].sum() - 5 * y.mean())).sum()) / 100 <= 0.05
    assert 0.009 < rejected / n_samples < 0.091, "three standard deviations of 250 samples around 5 %"
    assert plain / n_samples > 0.2


def test_draws_do_not_depend_on_the_order_of_firms() -> None:
    long = long_of(n_treated=12, cohorts=2)
    assert ask(long).rows == ask(long.sample(frac=1, random_state=3)).rows


@pytest.mark.parametrize(
    ("long", "case"),
    [
        (long_of(n_treated=2), "too_few"),
        (long_of(n_treated=60), "too_few"),
        (long_of().assign(y=lambda t: t["year"] * 1.0), "no_error"),
    ],
)
def test_what_cannot_be_tested_is_told(long, case) -> None:
    result = ek.check(twins.sample(twins.panel(long)), (), "randomisation")
    assert (result.verdict, result.values["case"]) == ("info", case)


def test_firms_of_a_cluster_are_not_dealt_out() -> None:
    long = long_of()
    long["region"] = "R" + (long["firm"].str[1:].astype(int) % 5).astype(str)
    panel = dataclasses.replace(twins.panel(long, covariates=["region"]), clusters=("region",))
    assert ek.check(twins.sample(panel), (), "randomisation").values["case"] == "clusters"


def test_strata_of_the_panel() -> None:
    long = long_of(effect=3.0)
    long["region"] = "R" + (long["firm"].str[1:].astype(int) % 3).astype(str)
    sample = twins.sample(twins.panel(long, covariates=["region"]))
    assert ek.check(sample, (), "randomisation", strata=("region",)).statistic < 0.01
    with pytest.raises(EvalkitError):
        ek.check(sample, (), "randomisation", strata=("rigion",))


@pytest.mark.parametrize("options", [{"draws": 498}, {"alpha": 0.0}])
def test_impossible_options_are_refused(options) -> None:
    with pytest.raises(EvalkitError) as error:
        ask(long_of(), **options)
    assert error.value.code == "E_OPTION"


def test_it_stands_beside_the_interval_of_few_firms() -> None:
    result = ask(long_of(effect=0.4))
    (row,) = result.rows
    assert set(row) == {"outcome", "method", "estimate", "std_error", "p_value", "p_randomisation"}
    assert abs(row["p_value"] - row["p_randomisation"]) < 0.1
