import dataclasses

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

import evalkit as ek
import twins
from evalkit.errors import EstimationError
from evalkit.stats.multiplicity import stepped

N_FAMILIES = 60
SIMULATION = 0.004
"""Four standard errors of a probability from 100,000 draws."""


def family(t: np.ndarray, correlation: np.ndarray) -> ek.Effects:
    """Effects with given t statistics and correlation."""
    given = ek.aggregate(ek.estimate(twins.sample(twins.panel(twins.frame(n=100))), "group_time"), "event_time")
    given = given.take(np.arange(len(t)))
    table = given.table.assign(estimate=t, std_error=1.0, statistic=t, p_value=2 * stats.norm.sf(np.abs(t)))
    return dataclasses.replace(given, table=table, vcov=correlation)


def test_independent_effects_have_the_closed_form() -> None:
    t = np.array([2.8, 1.0, 2.2])
    p = 2 * stats.norm.sf(np.abs(t))
    expected = np.maximum.accumulate(1 - (1 - p[[0, 2, 1]]) ** np.array([3, 2, 1]))[[0, 2, 1]]
    np.testing.assert_allclose(ek.adjust(family(t, np.eye(3))), expected, atol=SIMULATION)


def test_effects_that_are_one_need_no_adjustment() -> None:
    found = ek.adjust(family(np.array([2.0, 2.0]), np.ones((2, 2))))
    np.testing.assert_allclose(found, 2 * stats.norm.sf(2.0), atol=SIMULATION)


@pytest.mark.parametrize("method", ["holm", "benjamini_hochberg"])
def test_the_textbook_steps(method: str) -> None:
    t = np.array([2.8, 1.0, 2.2])
    p = np.sort(2 * stats.norm.sf(np.abs(t)))
    if method == "holm":
        steps = np.maximum.accumulate(p * np.array([3, 2, 1]))
    else:
        steps = np.minimum.accumulate((p * 3 / np.array([1, 2, 3]))[::-1])[::-1]
    np.testing.assert_allclose(ek.adjust(family(t, np.eye(3)), method), steps[[0, 2, 1]], rtol=1e-12)


@pytest.mark.parametrize(("method", "theirs"), [("holm", "holm"), ("benjamini_hochberg", "fdr_bh")])
def test_steps_are_those_of_statsmodels(method: str, theirs: str) -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 40):
        p = np.round(rng.uniform(size=n) ** 2, 2)
        np.testing.assert_allclose(stepped(p, method), multipletests(p, method=theirs)[1], rtol=1e-12)


def test_family_wise_error_under_the_null() -> None:
    """Draw families without any effect: the smallest adjusted p-value is below 5 % in 5 % of them."""
    correlation = 0.5 + 0.5 * np.eye(4)
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(4), correlation, N_FAMILIES)
    rejected = np.mean([np.nanmin(ek.adjust(family(t, correlation))) < 0.05 for t in draws])
    assert rejected < 0.05 + 3 * np.sqrt(0.05 * 0.95 / N_FAMILIES)


def test_rows_without_an_error_stay_out() -> None:
    given = family(np.array([2.0, 1.0]), np.eye(2))
    table = given.table.assign(std_error=[1.0, np.nan])
    found = ek.adjust(dataclasses.replace(given, table=table))
    assert np.isnan(found).tolist() == [False, True]
    with pytest.raises(EstimationError):
        ek.adjust(dataclasses.replace(given, table=table.assign(std_error=np.nan)))
