"""The event study against a dense regression with every dummy as a column."""

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError, EstimationError

TWIN = 1e-8
"""Values are rounded once at 2^-35 of their range, and the twin inverts X'X with a condition number near 1e4."""


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize(("leads", "lags"), [(None, None), (2, 1), (0, None)])
def test_equals_dense_regression(missing: float, leads: int | None, lags: int | None) -> None:
    table = twins.frame(missing=missing, growth=0.1)
    times, b, clustered, plain = twins.event_study(table, leads=leads, lags=lags)
    s = twins.sample(twins.panel(table))
    for covariance, vcov in (("clustered", clustered), ("homoskedastic", plain)):
        effects = ek.estimate(s, "event_study", leads=leads, lags=lags, covariance=covariance)
        assert effects.table["event_time"].tolist() == times
        np.testing.assert_allclose(effects.table["estimate"], b, atol=TWIN)
        np.testing.assert_allclose(effects.vcov, vcov, atol=TWIN)


def test_weights_are_carried_through() -> None:
    table = twins.frame(missing=0.1)
    p = twins.panel(table)
    weight = np.random.default_rng(5).choice([0.0, 0.5, 1.0, 3.0], p.n_firms)
    firms = dict(zip(p.firm.to_pylist(), weight, strict=True))
    _, b, clustered, _ = twins.event_study(table, weight=firms)
    effects = ek.estimate(twins.sample(p, weight), "event_study")
    np.testing.assert_allclose(effects.table["estimate"], b, atol=TWIN)
    np.testing.assert_allclose(effects.vcov, clustered, atol=TWIN)


def test_two_outcomes_keep_their_own_estimates() -> None:
    table = twins.frame(missing=0.1)
    rng = np.random.default_rng(8)
    table["z"] = table["y"] * 0.5 + rng.normal(0, 1, len(table))
    table.loc[rng.random(len(table)) < 0.1, "z"] = np.nan
    joint = ek.estimate(twins.sample(twins.panel(table, ("y", "z"))), "event_study")
    for name in ("y", "z"):
        _, b, clustered, _ = twins.event_study(table, column=name)
        np.testing.assert_allclose(joint.of(name).table["estimate"], b, atol=TWIN)
        np.testing.assert_allclose(joint.of(name).vcov, clustered, atol=TWIN)
    assert np.abs(joint.vcov[: len(b), len(b) :]).max() > 0


def test_without_never_treated_all_event_times_are_not_identified() -> None:
    table = twins.frame()
    s = twins.sample(twins.panel(table[table["g"] > 0]))
    with pytest.raises(EstimationError) as caught:
        ek.estimate(s, "event_study")
    assert caught.value.code == "E_COLLINEAR"
    assert "event time" in caught.value.problem
    effects = ek.estimate(s, "event_study", leads=0)
    _, b, _, _ = twins.event_study(table[table["g"] > 0], leads=0)
    np.testing.assert_allclose(effects.table["estimate"], b, atol=TWIN)


def test_equal_variances_are_refused_for_weighted_samples() -> None:
    p = twins.panel(twins.frame())
    with pytest.raises(EstimationError) as caught:
        ek.estimate(twins.sample(p, np.full(p.n_firms, 2.0)), "event_study", covariance="homoskedastic")
    assert caught.value.code == "E_OPTION"


def test_no_treated_firm_is_refused() -> None:
    table = twins.frame()
    with pytest.raises(DesignError) as caught:
        ek.estimate(twins.sample(twins.panel(table[table["g"] == 0])), "event_study")
    assert caught.value.code == "E_NO_TREATED"


def test_negative_bins_are_refused() -> None:
    with pytest.raises(ek.EvalkitError, match="negative"):
        ek.estimate(twins.sample(twins.panel(twins.frame())), "event_study", leads=-1)
