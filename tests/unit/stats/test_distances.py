import numpy as np
import pytest

from evalkit.errors import DesignError
from evalkit.stats.covariates import Covariate
from evalkit.stats.distances import places

ROUNDING = 1e-9
"""Relative; whitening by a triangle against the inverse of a covariance."""


def numbers(n: int = 60) -> tuple[list[Covariate], np.ndarray]:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) + 5
    return [Covariate(name, column) for name, column in zip("abc", x.T, strict=True)], np.arange(n) < n // 3


def code_of(covariates: list[Covariate], treated: np.ndarray, distance: str) -> str:
    with pytest.raises(DesignError) as caught:
        places(covariates, treated, distance)
    return caught.value.code


def apart(place: np.ndarray) -> np.ndarray:
    return np.linalg.norm(place[:, None] - place[None], axis=2)


def test_mahalanobis_does_not_depend_on_units_and_levels() -> None:
    """Any linear change of the covariates, another first level too, leaves the distances as they are."""
    covariates, treated = numbers()
    level = np.arange(60) % 3
    first = places([*covariates, Covariate("d", level, ("p", "q", "r"))], treated, "mahalanobis")[0]
    a, b, c = (covariate.values for covariate in covariates)
    changed = [Covariate("a", 3 * a + b), Covariate("b", b / 100), Covariate("c", c - 7)]
    other = places([*changed, Covariate("d", 2 - level, ("r", "q", "p"))], treated, "mahalanobis")[0]
    np.testing.assert_allclose(apart(first), apart(other), rtol=ROUNDING, atol=ROUNDING)


def test_ranks_do_not_see_how_far_away_an_extreme_value_is() -> None:
    covariates, treated = numbers()
    wild = Covariate("a", np.where(np.arange(60) == covariates[0].values.argmax(), 1e6, covariates[0].values))
    first, other = (places([a, *covariates[1:]], treated, "robust_mahalanobis")[0] for a in (covariates[0], wild))
    np.testing.assert_array_equal(first, other)


def test_a_rare_binary_number_weighs_no_more_than_its_ranks() -> None:
    """By the covariance, one firm in sixty that differs is far away from all; on ranks it is less so."""
    covariates, treated = numbers()
    rare = Covariate("rare", (np.arange(60) == 30).astype(float))
    plain, robust = (
        apart(places([*covariates, rare], treated, d)[0])[30, :30].mean() for d in ("mahalanobis", "robust_mahalanobis")
    )
    assert plain > 2 * robust


def test_different_levels_are_one_apart() -> None:
    treated = np.array([True, False, False])
    place, constant = places(
        [Covariate("a", np.array([1.0, 1.0, 4.0])), Covariate("k", np.arange(3), ("p", "q", "r")),
         Covariate("same", np.ones(3))], treated, "euclidean",
    )  # fmt: skip
    np.testing.assert_allclose(apart(place), [[0, 1, 10**0.5], [1, 0, 10**0.5], [10**0.5, 10**0.5, 0]])
    assert constant == ["same"]


@pytest.mark.parametrize("distance", ["mahalanobis", "robust_mahalanobis"])
def test_collinear_covariates_have_no_distance(distance: str) -> None:
    covariates, treated = numbers()
    total = Covariate("total", covariates[0].values + covariates[1].values)
    if distance == "mahalanobis":
        assert code_of([*covariates, total], treated, distance) == "E_COLLINEAR"
    else:
        assert (
            code_of([covariates[0], Covariate("twice", 2 * covariates[0].values)], treated, distance) == "E_COLLINEAR"
        )


def test_a_covariate_that_is_constant_within_both_groups_has_no_mahalanobis_distance() -> None:
    covariates, treated = numbers()
    assert code_of([*covariates, Covariate("d", treated.astype(float))], treated, "mahalanobis") == "E_COLLINEAR"


@pytest.mark.parametrize("distance", ["mahalanobis", "euclidean"])
def test_nothing_that_varies(distance: str) -> None:
    assert code_of([Covariate("a", np.ones(4))], np.arange(4) < 2, distance) == "E_NO_COVARIATE"
