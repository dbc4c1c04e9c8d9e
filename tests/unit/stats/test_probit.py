import numpy as np
import pytest
import statsmodels.api as sm

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate
from evalkit.stats.probit import fit_probit
from evalkit.stats.regressors import regressors

SAME = 1e-8
"""Two Newton solvers, both at their rounding level."""


def data(n: int = 1500, share: float = -1.0) -> tuple[list[Covariate], np.ndarray]:
    rng = np.random.default_rng(4)
    size, kind = rng.normal(size=n), rng.integers(0, 3, n).astype(np.int32)
    treated = share + 0.5 * size + 0.3 * kind + rng.normal(size=n) > 0
    return [Covariate("size", size), Covariate("kind", kind, tuple("abc"))], treated


@pytest.mark.parametrize("share", [-1.0, -2.5, 0.5])
def test_equals_statsmodels(share: float) -> None:
    covariates, treated = data(share=share)
    size, kind = (c.values for c in covariates)
    dense = np.column_stack([np.ones(len(size)), size, kind == 1, kind == 2]).astype(float)
    found = fit_probit(regressors(covariates)[0], treated)
    wanted = sm.Probit(treated.astype(float), dense).fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    np.testing.assert_allclose(found.predictor, wanted.fittedvalues, atol=SAME)
    np.testing.assert_allclose(found.coefficient[1] / size.std(), wanted.params[1], atol=SAME)
    assert found.n_steps < 15


def test_separation_is_refused_and_named() -> None:
    covariates, _ = data()
    x, _ = regressors(covariates)
    with pytest.raises(DesignError) as caught:
        fit_probit(x, covariates[0].values > 0.3)
    assert caught.value.code == "E_SEPARATION"
    assert "size" in caught.value.problem
    assert "kind" not in caught.value.problem


def test_a_level_without_controls_is_refused() -> None:
    covariates, treated = data()
    x, _ = regressors(covariates)
    with pytest.raises(DesignError) as caught:
        fit_probit(x, treated | (covariates[1].values == 2))
    assert (caught.value.code, "kind" in caught.value.problem) == ("E_SEPARATION", True)


def test_collinear_covariates_are_refused() -> None:
    covariates, treated = data()
    twin = Covariate("twin", 2 * covariates[0].values + 1)
    with pytest.raises(DesignError) as caught:
        fit_probit(regressors([*covariates, twin])[0], treated)
    assert caught.value.code == "E_COLLINEAR"
