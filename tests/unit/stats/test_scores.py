import numpy as np
import pytest
from scipy.stats import norm

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate
from evalkit.stats.probit import fit_probit
from evalkit.stats.propensity import fit_logit
from evalkit.stats.regressors import regressors
from evalkit.stats.scores import MODELS, propensity_scores

SAME = 1e-12


def data(n: int = 500) -> tuple[list[Covariate], np.ndarray]:
    rng = np.random.default_rng(4)
    size = rng.normal(size=n)
    return [Covariate("size", size), Covariate("same", np.ones(n))], rng.random(n) < norm.cdf(0.8 * size - 1)


def test_models_share_the_logit_scale() -> None:
    covariates, treated = data()
    x, _ = regressors(covariates)
    logit, probit = (propensity_scores(covariates, treated, model) for model in ("logit", "probit"))
    np.testing.assert_array_equal(logit.predictor, fit_logit(x, treated).predictor)
    np.testing.assert_allclose(probit.score, norm.cdf(fit_probit(x, treated).predictor), atol=SAME)
    assert logit.constant == probit.constant == ("same",)


@pytest.mark.parametrize("model", MODELS)
def test_constant_and_separating_covariates_are_refused(model: str) -> None:
    covariates, treated = data()
    key = np.arange(len(treated), dtype=np.uint64)
    for given, code in ((covariates[1:], "E_NO_COVARIATE"), ([Covariate("x", treated * 1.0)], "E_SEPARATION")):
        with pytest.raises(DesignError) as caught:
            propensity_scores(given, treated, model, key)
        assert caught.value.code == code
