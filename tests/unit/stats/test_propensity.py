import numpy as np
import pytest
import statsmodels.api as sm

from evalkit.errors import DesignError
from evalkit.stats import propensity
from evalkit.stats import regressors as module
from evalkit.stats.covariates import Covariate
from evalkit.stats.propensity import expit, fit_logit, one_sided, separating
from evalkit.stats.regressors import regressors

SAME = 1e-8
"""Two Newton solvers, both at their rounding level."""
REORDERED = 1e-11
"""The same sums in other blocks."""


def data(n: int = 800, seed: int = 1, share: float = -2.0) -> tuple[list[Covariate], np.ndarray]:
    rng = np.random.default_rng(seed)
    sales, age = rng.lognormal(10, 1.5, n), rng.integers(1, 60, n).astype(float)
    industry = rng.integers(0, 4, n).astype(np.int32)
    predictor = share + 0.4 * (np.log(sales) - 10) - 0.02 * age + 0.5 * industry
    covariates = [Covariate("sales", sales), Covariate("industry", industry, tuple("abcd")), Covariate("age", age)]
    return covariates, rng.random(n) < expit(predictor)


def dense(covariates: list[Covariate]) -> np.ndarray:
    sales, industry, age = (c.values for c in covariates)
    return np.column_stack([np.ones(len(sales)), sales / 1e5, age, *(industry == k for k in (1, 2, 3))])


@pytest.mark.parametrize("share", [-2.0, -5.0, 1.0])
def test_equals_statsmodels(share: float) -> None:
    covariates, treated = data(share=share, n=2000)
    x, _ = regressors(covariates)
    found = fit_logit(x, treated)
    wanted = sm.Logit(treated.astype(float), dense(covariates)).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    np.testing.assert_allclose(found.predictor, wanted.fittedvalues, atol=SAME)
    np.testing.assert_allclose(expit(found.predictor), wanted.predict(), atol=SAME)
    np.testing.assert_allclose(found.loglik, wanted.llf, rtol=SAME)
    sales, age = covariates[0].values, covariates[2].values
    raw = found.coefficient / np.array([1, sales.std() / 1e5, age.std(), 1, 1, 1])
    np.testing.assert_allclose(raw[1:], wanted.params[1:], rtol=SAME)
    assert found.n_steps < 15


@pytest.mark.parametrize("noise", [1e-3, 1e-5, 1e-7])
def test_nearly_collinear_covariates_still_converge(noise: float) -> None:
    covariates, treated = data()
    age, rng = covariates[2].values, np.random.default_rng(6)
    x, _ = regressors([*covariates, Covariate("twin", age / age.std() + noise * rng.normal(size=len(age)))])
    found = fit_logit(x, treated)
    left = x.sums(slice(0, x.n), treated - expit(found.predictor))
    np.testing.assert_allclose(left, 0, atol=SAME)


def test_score_equations_hold() -> None:
    covariates, treated = data()
    x, _ = regressors(covariates)
    left = x.sums(slice(0, x.n), treated - expit(fit_logit(x, treated).predictor))
    np.testing.assert_allclose(left, 0, atol=SAME)


def test_blocks_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    covariates, treated = data()
    x, _ = regressors(covariates)
    whole = fit_logit(x, treated).predictor
    monkeypatch.setattr(module, "BLOCK_FIRMS", 100)
    assert len(list(x.blocks())) == 8
    np.testing.assert_allclose(fit_logit(x, treated).predictor, whole, atol=REORDERED)


@pytest.mark.parametrize("part", [2, 15_000])
def test_starting_at_a_part_of_the_firms_gives_the_same_estimate(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    """Every 15,000th of 20,000 firms is too few to estimate anything; Newton then starts at the log odds."""
    covariates, treated = data(20_000)
    x = regressors(covariates)[0]
    plain = fit_logit(x, treated)
    monkeypatch.setattr(propensity, "_MANY_FIRMS", 100)
    monkeypatch.setattr(propensity, "_PART", part)
    found = fit_logit(x, treated)
    np.testing.assert_allclose(found.coefficient, plain.coefficient, rtol=1e-9, atol=1e-9)
    assert (found.n_steps < plain.n_steps) == (part == 2)


def test_expit_is_exact_at_both_ends() -> None:
    np.testing.assert_allclose(
        expit(np.array([-800.0, -40.0, 0.0, 40.0, 800.0])), [0, np.exp(-40), 0.5, 1, 1], rtol=1e-15
    )


def refusal(covariates: list[Covariate], treated: np.ndarray) -> DesignError:
    with pytest.raises(DesignError) as caught:
        fit_logit(regressors(covariates)[0], treated)
    return caught.value


def test_separation_by_two_covariates_together_is_found_and_named() -> None:
    rng = np.random.default_rng(3)
    a, b, noise = rng.normal(size=(3, 400))
    given = [Covariate("a", a), Covariate("noise", noise), Covariate("b", b)]
    error = refusal(given, a + b > 0)
    assert error.code == "E_SEPARATION"
    assert {"a", "b"} <= set(error.problem.split(" separate")[0].removeprefix("covariates ").split(", "))


def test_firms_of_both_groups_on_the_separating_line_do_not_hide_it() -> None:
    rng = np.random.default_rng(4)
    a, b, noise = rng.normal(size=(3, 400))
    b[:100] = -a[:100]
    treated = a + b > 0
    treated[:100] = rng.random(100) < 0.5
    error = refusal([Covariate("a", a), Covariate("noise", noise), Covariate("b", b)], treated)
    assert error.code == "E_SEPARATION"
    assert error.problem.startswith("covariates a, b separate")


def test_numbers_that_separate_by_themselves() -> None:
    treated = np.array([1, 1, 0, 0], dtype=bool)
    numbers = {"above": [2.0, 3, 1, 0], "touching": [1.0, 1, 1, 0], "mixed": [1.0, 0, 1, 0], "same": [1.0] * 4}
    given = [Covariate(name, np.array(values)) for name, values in numbers.items()]
    assert separating(given, treated) == ["above", "touching"]


def test_levels_of_one_group_only() -> None:
    kind = Covariate("kind", np.array([0, 0, 1, 2, 2, -1], dtype=np.int32), ("a", "b", "c"))
    treated = np.array([1, 0, 1, 0, 0, 1], dtype=bool)
    found = one_sided(kind, treated, ~treated)
    np.testing.assert_array_equal(found[:5], [False, False, True, True, True])
    assert not one_sided(Covariate("x", np.arange(6.0)), treated, ~treated).any()
