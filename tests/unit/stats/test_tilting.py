import numpy as np
import pytest
from scipy.optimize import minimize

from evalkit.errors import DesignError
from evalkit.stats import regressors as module
from evalkit.stats.covariates import Covariate
from evalkit.stats.regressors import regressors
from evalkit.stats.tilting import BALANCED_BELOW, tilt

PRIMAL = 1e-5
"""A general solver of the constrained problem stops well before rounding."""


def data(n: int = 300, seed: int = 1) -> tuple[list[Covariate], np.ndarray]:
    rng = np.random.default_rng(seed)
    size, growth, kind = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 3, n).astype(np.int32)
    treated = rng.random(n) < 1 / (1 + np.exp(1 - 0.6 * size + 0.3 * kind))
    return [Covariate("size", size), Covariate("growth", growth), Covariate("kind", kind, tuple("abc"))], treated


def dense(covariates: list[Covariate]) -> np.ndarray:
    size, growth, kind = (c.values for c in covariates)
    return np.column_stack([size, growth, kind == 1, kind == 2]).astype(float)


def test_balances_and_is_the_least_divergence() -> None:
    """The primal problem itself: minimise sum w log(w/q) under the balance constraints, by a general solver."""
    covariates, treated = data(n=60)
    base = np.random.default_rng(3).uniform(0.5, 2, 60)
    x, _ = regressors(covariates)
    found = tilt(x, treated, base)
    own, q = dense(covariates), base[~treated] / base[~treated].sum()
    target = np.append(own[treated].mean(axis=0), 1.0)
    columns = np.column_stack([own[~treated], np.ones(len(q))])
    primal = minimize(
        lambda w: float((w * np.log(np.maximum(w, 1e-300) / q)).sum()), q, method="SLSQP",
        bounds=[(0, None)] * len(q), constraints={"type": "eq", "fun": lambda w: columns.T @ w - target},
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    assert primal.success
    np.testing.assert_allclose(found.weight[~treated] / treated.sum(), primal.x, atol=PRIMAL)
    np.testing.assert_allclose(columns.T @ found.weight[~treated] / treated.sum(), target, atol=BALANCED_BELOW)
    assert (found.weight[treated] == 0).all()
    np.testing.assert_allclose(found.weight[~treated], (base * np.exp(found.predictor))[~treated], rtol=1e-9)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    covariates, treated = data()
    x, _ = regressors(covariates)
    whole = tilt(x, treated).weight
    monkeypatch.setattr(module, "BLOCK_FIRMS", 37)
    np.testing.assert_allclose(tilt(x, treated).weight, whole, rtol=1e-9)


def test_means_outside_the_range_are_refused_and_named() -> None:
    covariates, treated = data()
    far = Covariate("far", np.where(treated, 9.0, 0.0) + covariates[1].values)
    with pytest.raises(DesignError) as caught:
        tilt(regressors([*covariates, far])[0], treated)
    assert caught.value.code == "E_NO_OVERLAP"
    assert " far:" in caught.value.problem


def test_means_outside_the_hull_but_inside_every_range_are_refused() -> None:
    """Controls on the two axes of a cross; the treated firms' mean off both of them, beyond the rim."""
    arm = np.linspace(-1, 1, 21)
    first, second = np.concatenate([arm, 0 * arm, [0.7, 0.8]]), np.concatenate([0 * arm, arm, [0.7, 0.8]])
    treated = np.arange(44) >= 42
    kind = Covariate("noise", np.sin(np.arange(44.0)))
    x, _ = regressors([Covariate("first", first), Covariate("second", second), kind])
    with pytest.raises(DesignError) as caught:
        tilt(x, treated)
    assert caught.value.code == "E_NO_OVERLAP"
    assert "first, second" in caught.value.problem


def test_means_just_inside_the_hull_are_reached() -> None:
    arm = np.linspace(-1, 1, 21)
    first, second = np.concatenate([arm, 0 * arm, [0.45, 0.5]]), np.concatenate([0 * arm, arm, [0.45, 0.5]])
    treated = np.arange(44) >= 42
    x, _ = regressors([Covariate("first", first), Covariate("second", second)])
    weight = tilt(x, treated).weight[~treated] / 2
    assert abs(weight @ first[~treated] - 0.475) < BALANCED_BELOW
    assert abs(weight @ second[~treated] - 0.475) < BALANCED_BELOW


def test_a_mean_at_the_edge_of_the_controls_is_refused() -> None:
    covariates, treated = data()
    flag = Covariate("flag", np.where(treated, 1.0, covariates[1].values > 0))
    with pytest.raises(DesignError) as caught:
        tilt(regressors([*covariates, flag])[0], treated)
    assert caught.value.code == "E_NO_OVERLAP"
    assert "flag" in caught.value.problem


def test_collinear_covariates_are_refused() -> None:
    covariates, treated = data()
    twin = Covariate("twin", covariates[0].values - 3 * covariates[1].values)
    with pytest.raises(DesignError) as caught:
        tilt(regressors([*covariates, twin])[0], treated)
    assert caught.value.code == "E_COLLINEAR"
