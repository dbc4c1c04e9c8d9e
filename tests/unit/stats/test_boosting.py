import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from evalkit.errors import DesignError
from evalkit.stats.boosting import N_FOLDS, boosted_logit, folds
from evalkit.stats.covariates import Covariate
from evalkit.stats.propensity import expit


def data(n: int = 1200) -> tuple[list[Covariate], np.ndarray, np.ndarray, np.ndarray]:
    """A score with a jump and an interaction, which no logit in the covariates has."""
    rng = np.random.default_rng(8)
    size, kind = rng.normal(size=n), rng.integers(0, 4, n).astype(np.int32)
    logit = -1.5 + 2.5 * (np.abs(size) > 1) + 1.0 * (kind == 2) * (size > 0)
    treated = rng.random(n) < expit(logit)
    key = rng.permutation(n).astype(np.uint64)
    return [Covariate("size", size), Covariate("kind", kind, tuple("abcd"))], treated, key, logit


def test_finds_what_a_logit_cannot() -> None:
    covariates, treated, key, logit = data()
    found = boosted_logit(covariates, treated, key)
    assert np.corrcoef(found, logit)[0, 1] > 0.9
    assert abs(expit(found).mean() - treated.mean()) < 0.02


def test_same_bits_on_any_number_of_threads() -> None:
    covariates, treated, key, _ = data(400)
    with threadpool_limits(1):
        once = boosted_logit(covariates, treated, key)
    np.testing.assert_array_equal(boosted_logit(covariates, treated, key), once)


def test_a_firms_own_treatment_does_not_reach_its_score() -> None:
    covariates, treated, key, _ = data(400)
    fold = folds(treated, key)
    a, b = np.flatnonzero((fold == 0) & treated)[0], np.flatnonzero((fold == 0) & ~treated)[0]
    other, swapped = treated.copy(), key.copy()
    other[[a, b]] = False, True
    swapped[[a, b]] = key[[b, a]]
    np.testing.assert_array_equal(folds(other, swapped), fold)
    same = fold == 0
    before, after = (boosted_logit(covariates, d, k) for d, k in ((treated, key), (other, swapped)))
    np.testing.assert_array_equal(before[same], after[same])
    assert (before[~same] != after[~same]).any()


def test_folds_share_out_both_groups() -> None:
    treated = np.arange(103) < 31
    key = np.random.default_rng(1).integers(0, 2**63, 103, dtype=np.uint64)
    fold = folds(treated, key)
    for group in (treated, ~treated):
        counts = np.bincount(fold[group], minlength=N_FOLDS)
        assert counts.max() - counts.min() <= 1
    order = np.random.default_rng(2).permutation(103)
    np.testing.assert_array_equal(folds(treated[order], key[order]), fold[order])


def test_small_groups_and_wide_categories_are_refused() -> None:
    covariates, treated, key, _ = data(400)
    with pytest.raises(DesignError) as caught:
        boosted_logit(covariates, np.arange(400) < 9, key)
    assert caught.value.code == "E_TOO_FEW_FIRMS"
    wide = Covariate("town", (np.arange(400) % 300).astype(np.int32), tuple(map(str, range(300))))
    with pytest.raises(DesignError) as caught:
        boosted_logit([*covariates, wide], treated, key)
    assert (caught.value.code, "town" in caught.value.problem) == ("E_OPTION", True)
