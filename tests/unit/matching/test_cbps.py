import numpy as np
import pandas as pd
import pytest
from scipy.optimize import root

import evalkit as ek
import firms
from evalkit.stats.propensity import expit
from evalkit.stats.tilting import BALANCED_BELOW

GENERAL = 1e-6
"""Relative difference of weights from those of a general root finder."""


def test_balance_conditions_hold_and_equal_a_general_root_finder() -> None:
    panel = firms.panel(firms.frame(500))
    sample = ek.match(panel, "cbps")
    frame, treated = panel.to_frame(), panel.cohort > 0
    x = pd.get_dummies(frame[list(firms.COVARIATES)], drop_first=True).to_numpy(float)
    x = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])

    def conditions(beta: np.ndarray) -> np.ndarray:
        """Imai and Ratkovic's weighted moments for the effect on the treated, over the number of firms."""
        score = expit(x @ beta)
        return x.T @ (treated - (1 - treated) * score / (1 - score)) / len(x)

    solved = root(conditions, np.zeros(x.shape[1]), method="hybr", tol=1e-14)
    score = expit(x @ solved.x)
    np.testing.assert_allclose(sample.weight[~treated], (score / (1 - score))[~treated], rtol=GENERAL)
    np.testing.assert_allclose(sample.distance, score, rtol=GENERAL)
    left = x.T @ (treated - np.where(treated, 0, sample.distance / (1 - sample.distance))) / treated.sum()
    assert np.abs(left).max() < BALANCED_BELOW


def test_weights_equal_entropy_balancing() -> None:
    panel = firms.panel(firms.frame(500))
    np.testing.assert_allclose(ek.match(panel, "cbps").weight, ek.match(panel, "entropy").weight, rtol=1e-9)


def test_recovers_the_effect_on_the_treated_where_the_plain_difference_does_not() -> None:
    """Selection on observables: chance of award and outcome both rise with size; effect 1 on every treated firm."""
    rng = np.random.default_rng(5)
    estimates, plain = [], []
    for _ in range(20):
        table = firms.frame(1500, int(rng.integers(1_000_000)))
        y = 1.0 * (table["g"] > 0) + 2.0 * table["size"] + rng.normal(size=len(table))
        sample = ek.match(firms.panel(table, ("size", "industry")), "cbps")
        treated = (table["g"] > 0).to_numpy()
        mean = np.average(y[~treated], weights=sample.weight[~treated])
        estimates.append(y[treated].mean() - mean)
        plain.append(y[treated].mean() - y[~treated].mean())
    error = np.std(estimates, ddof=1) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - 1.0) < 4 * error
    assert abs(np.mean(plain) - 1.0) > 0.3


def test_refusals() -> None:
    table = firms.frame(200)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table.assign(same=1.0), ("same",)), "cbps")
    assert caught.value.code == "E_NO_COVARIATE"
    with pytest.raises(ek.EvalkitError) as caught:
        ek.match(firms.panel(table.assign(size=table["size"] + 20 * (table["g"] > 0))), "cbps")
    assert caught.value.code == "E_NO_OVERLAP"
