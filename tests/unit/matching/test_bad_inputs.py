"""What matching refuses when its model cannot be solved; ids are those of the table of bad inputs."""

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError
from evalkit.stats import newton, propensity, tilting

NEVER = -1.0
"""A tolerance that no step can reach."""


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("ipw", {}), ("ipw", {"model": "probit"}), ("nearest", {"replace": True}), ("subclass", {}), ("full", {}),
        ("entropy", {}), ("cbps", {}),
    ],
)  # fmt: skip
def test_EST16_a_model_that_did_not_converge_gives_no_weights(
    method: str, options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = twins.frame(n=200, seed=2)
    number = long["firm"].str[1:].astype(int)
    panel = twins.panel(long.assign(size=np.cos(number) + 0.2 * (long["g"] > 0)), covariates=("size",))
    assert (ek.match(panel, method, **options).weight > 0).any()
    monkeypatch.setattr(propensity, "CONVERGED_BELOW", NEVER)
    monkeypatch.setattr(newton, "CONVERGED_BELOW", NEVER)
    monkeypatch.setattr(tilting, "BALANCED_BELOW", NEVER)
    with pytest.raises(DesignError) as error:
        ek.match(panel, method, **options)
    assert error.value.code == "E_CONVERGENCE"
