"""The streamed multiplier bootstrap against influence held in memory."""

import dataclasses

import numpy as np
import pytest

import twins
from evalkit.engine import local
from evalkit.engine.multipliers import Values, bootstrap
from evalkit.engine.paths import sample_moments
from evalkit.errors import EstimationError
from evalkit.model import store
from evalkit.stats.bootstrap import multiplier_draws
from evalkit.stats.regression import Design, regress
from evalkit.stats.stable_hash import stable_hash


def solved(sample, correction="cr2"):
    moments = sample_moments(sample)
    years = np.array(sample.panel.periods)
    hit = (moments.cohort[:, None] > 0) & (years >= moments.cohort[:, None])
    late = hit & (years >= moments.cohort[:, None] + 1)
    design = Design(np.stack([hit, late], axis=2).astype(float), ["treated", "later"])
    return moments, regress(moments, [design], correction=correction)


def made(shuffle=None, missing=0.1):
    long = twins.frame(n=300, missing=missing, seed=5)
    long["region"] = "R" + (long["firm"].str[-3:].astype(int) % 24).astype(str)
    return long if shuffle is None else long.sample(frac=1, random_state=shuffle)


def by_region(long):
    return twins.sample(dataclasses.replace(twins.panel(long, covariates=["region"]), clusters=("region",)))


def test_draws_have_the_covariance_of_the_regression() -> None:
    sample = twins.sample(twins.panel(made()))
    moments, found = solved(sample)
    n_draws = 20_000
    drawn = bootstrap(Values.outcomes(sample), moments, found.influence, "rademacher", n_draws)
    scale = np.sqrt(np.outer(np.diag(found.vcov), np.diag(found.vcov)))
    assert np.cov(drawn.values.T) / scale == pytest.approx(found.vcov / scale, abs=5 * np.sqrt(2 / n_draws))


@pytest.mark.parametrize("law", ["rademacher", "mammen"])
def test_EST11_threads_blocks_and_row_order_change_no_bit(law, monkeypatch) -> None:
    def drawn(shuffle, n_threads):
        monkeypatch.setenv("EVALKIT_THREADS", str(n_threads))
        sample = twins.sample(twins.panel(made(shuffle)))
        moments, found = solved(sample)
        return bootstrap(Values.outcomes(sample), moments, found.influence, law, 99, seed=4).values.tobytes()

    whole = drawn(None, 1)
    monkeypatch.setattr(store, "BLOCK_FIRMS", 64)
    monkeypatch.setattr(local, "BLOCK_FIRMS", 64)
    assert whole == drawn(None, 1) == drawn(3, 2)


def test_clusters_are_drawn_as_a_whole() -> None:
    sample = by_region(made(missing=0.0))
    moments, found = solved(sample)
    n_draws = 20_000
    drawn = bootstrap(Values.outcomes(sample), moments, found.influence, "mammen", n_draws)
    scale = np.sqrt(np.outer(np.diag(found.vcov), np.diag(found.vcov)))
    assert np.cov(drawn.values.T) / scale == pytest.approx(found.vcov / scale, abs=8 * np.sqrt(2 / n_draws))


def test_streamed_draws_equal_those_in_memory() -> None:
    long = made(missing=0.0)
    sample = twins.sample(twins.panel(long))
    moments, found = solved(sample)
    wide = long.pivot_table(index="firm", columns="year", values="y").to_numpy()
    v = np.concatenate([np.ones((len(wide), 1)), wide - moments.centre], axis=1)
    group = np.searchsorted(moments.cohort, sample.panel.cohort)
    psi = np.array([found.influence[g] @ row for g, row in zip(group, v, strict=True)])
    expected = multiplier_draws(psi, stable_hash(sample.panel.firm, 4), "rademacher", 99)
    drawn = bootstrap(Values.outcomes(sample), moments, found.influence, "rademacher", 99, seed=4)
    assert drawn.values == pytest.approx(expected.values, rel=1e-9, abs=1e-12)


def test_what_has_no_multipliers_is_refused() -> None:
    sample = twins.sample(twins.panel(made()))
    moments, found = solved(sample)
    with pytest.raises(EstimationError) as error:
        bootstrap(Values.outcomes(sample), dataclasses.replace(moments, n_second=3), found.influence)
    assert error.value.code == "E_OPTION"
    with pytest.raises(EstimationError):
        bootstrap(Values.outcomes(sample), dataclasses.replace(moments, stratum=moments.cohort), found.influence)
    with pytest.raises(ValueError, match="groups"):
        bootstrap(Values.outcomes(sample), dataclasses.replace(moments, n=moments.n + 1), found.influence)
