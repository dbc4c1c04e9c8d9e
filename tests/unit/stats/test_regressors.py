import numpy as np
import pytest

from evalkit.errors import DesignError
from evalkit.stats import regressors as module
from evalkit.stats.covariates import Covariate
from evalkit.stats.regressors import Regressors, refuse_collinear, regressors

ROUNDING = 1e-12
"""Relative; sums of a few hundred products."""


def covariates(n: int = 300, seed: int = 1) -> list[Covariate]:
    rng = np.random.default_rng(seed)
    return [
        Covariate("sales", rng.lognormal(10, 2, n)),
        Covariate("industry", rng.integers(0, 4, n).astype(np.int32), ("a", "b", "c", "d")),
        Covariate("age", rng.integers(1, 60, n).astype(float)),
        Covariate("region", rng.integers(0, 3, n).astype(np.int32), ("n", "s", "w")),
    ]


def dense(x: Regressors) -> np.ndarray:
    dummies = [np.eye(n_levels)[code][:, 1:] for code, n_levels, _ in x.dummies()]
    return np.hstack([x.numbers.T, *dummies])


def test_columns_and_names() -> None:
    x, constant = regressors(covariates())
    assert constant == []
    assert x.names == ("intercept", "sales", "age", *["industry"] * 3, *["region"] * 2)
    np.testing.assert_allclose(x.numbers[1:].mean(axis=1), 0, atol=ROUNDING)
    np.testing.assert_allclose(x.numbers[1:].std(axis=1), 1, rtol=ROUNDING)


def test_products_equal_those_of_the_dense_matrix() -> None:
    x, _ = regressors(covariates())
    full, rng = dense(x), np.random.default_rng(2)
    rows = slice(30, 270)
    w, beta = rng.random(240), rng.normal(size=len(x.names))
    np.testing.assert_allclose(x.gram(rows, w), full[rows].T @ (w[:, None] * full[rows]), rtol=ROUNDING, atol=1e-10)
    np.testing.assert_allclose(x.sums(rows, w), full[rows].T @ w, rtol=ROUNDING, atol=1e-10)
    np.testing.assert_allclose(x.times(rows, beta), full[rows] @ beta, rtol=ROUNDING, atol=ROUNDING)


def test_equal_firms_get_equal_bits() -> None:
    twice = [Covariate(c.name, np.concatenate([c.values[:7], c.values]), c.levels) for c in covariates()]
    x, _ = regressors(twice)
    found = x.times(slice(0, x.n), np.random.default_rng(3).normal(size=len(x.names)))
    np.testing.assert_array_equal(found[:7], found[7:14])


@pytest.mark.parametrize(("spread", "is_constant"), [(0.0, True), (1e-10, True), (1e-8, False)])
def test_constant_covariates_are_left_out(spread: float, is_constant: bool) -> None:
    nearly = Covariate("nearly", 5.0 + 5.0 * spread * np.arange(300) / 299)
    x, constant = regressors(
        [*covariates(), nearly, Covariate("zero", np.zeros(300)), Covariate("one", np.zeros(300, np.int32), ("x",))]
    )
    assert constant == [*(["nearly"] if is_constant else []), "zero", "one"]
    assert ("nearly" in x.names) is not is_constant


@pytest.mark.parametrize(("noise", "refused"), [(0.0, True), (1e-9, True), (1e-7, False), (1e-3, False)])
def test_collinear_from_a_scaled_condition_number_of_1e8(noise: float, refused: bool, monkeypatch) -> None:
    monkeypatch.setattr(module, "BLOCK_FIRMS", 64)
    given = covariates()
    age, rng = given[2].values, np.random.default_rng(5)
    given.append(Covariate("twin", age / age.std() + noise * rng.normal(size=300)))
    given.append(Covariate("other", rng.normal(size=300)))
    x, _ = regressors(given)
    scaled = dense(x) / np.linalg.norm(dense(x), axis=0)
    assert bool(np.linalg.cond(scaled) > 1e8) is refused
    if refused:
        with pytest.raises(DesignError) as caught:
            refuse_collinear(x)
        assert caught.value.code == "E_COLLINEAR"
        assert "age, twin are" in caught.value.problem
    else:
        refuse_collinear(x)


def test_nested_categories_are_collinear() -> None:
    given = covariates()
    place = np.random.default_rng(1).integers(0, 6, 300).astype(np.int32)
    given[3] = Covariate("region", place // 2, ("n", "s", "w"))
    given.append(Covariate("city", place, tuple("abcdef")))
    with pytest.raises(DesignError, match="covariates region, city are collinear"):
        refuse_collinear(regressors(given)[0])


def test_two_collinear_sets_are_both_named() -> None:
    given = covariates()
    given += [Covariate("sales2", given[0].values * 3 + 1), Covariate("age2", -given[2].values)]
    with pytest.raises(DesignError, match="sales, age, sales2, age2"):
        refuse_collinear(regressors(given)[0])
