import numpy as np
import pytest

from evalkit.errors import DesignError
from evalkit.stats.candidates import Candidates
from evalkit.stats.strata import equal_numbers, stratify

TREATED = np.array([1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0], dtype=bool)
STRATUM = np.array([5, 5, 5, 5, 5, 5, 2, 2, 3, 0, 0])


def firms() -> Candidates:
    return Candidates(TREATED.copy(), ~TREATED, np.full(len(TREATED), "", dtype=object))


def test_weights_numbers_and_reasons_by_hand() -> None:
    """Stratum 5: 2 treated, 4 controls. 2: one each. 3: a treated firm alone. 0: two controls alone."""
    found = stratify(firms(), STRATUM)
    np.testing.assert_array_equal(found.weight, [1, 1, 0.5, 0.5, 0.5, 0.5, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(found.subclass, [1, 1, 1, 1, 1, 1, 0, 0, -1, -1, -1])
    assert list(found.kept.reason[8:]) == ["no_control_in_cell", "no_treated_in_cell", "no_treated_in_cell"]
    np.testing.assert_array_equal(found.kept.rows, np.arange(8))


def test_firms_that_are_out_do_not_count() -> None:
    out = np.zeros(len(TREATED), dtype=bool)
    out[[2, 7]] = True
    found = stratify(firms().drop(out, "missing_covariate"), np.where(out, -1, STRATUM))
    np.testing.assert_allclose(found.weight, [1, 1, 0, 2 / 3, 2 / 3, 2 / 3, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(found.subclass, [0, 0, -1, 0, 0, 0, -1, -1, -1, -1, -1])
    assert list(found.kept.reason[[2, 6, 7]]) == ["missing_covariate", "no_control_in_cell", "missing_covariate"]


def test_no_stratum_with_both_groups_is_refused() -> None:
    with pytest.raises(DesignError) as caught:
        stratify(firms(), np.where(TREATED, 0, 7), "do this")
    assert (caught.value.code, caught.value.hint) == ("E_NO_OVERLAP", "do this")
    assert "none of the 2 cells" in caught.value.problem


def test_equal_numbers_keeps_the_smallest_keys() -> None:
    key = np.array([9, 1, 8, 3, 7, 2, 5, 5, 0, 0, 0], dtype=np.uint64)
    found = equal_numbers(stratify(firms(), STRATUM), key)
    np.testing.assert_array_equal(np.flatnonzero(found.weight), [0, 1, 3, 5, 6, 7])
    np.testing.assert_array_equal(found.weight[found.weight > 0], 1)
    np.testing.assert_array_equal(found.subclass, [1, 1, -1, 1, -1, 1, 0, 0, -1, -1, -1])
    assert list(found.kept.reason[[2, 4]]) == ["not_matched"] * 2


def test_equal_numbers_says_which_treated_firms_found_no_control_left() -> None:
    found = equal_numbers(stratify(firms(), np.zeros(11, dtype=int)), np.arange(11, dtype=np.uint64))
    assert found.kept.treated.sum() == found.kept.control.sum() == 4
    swapped = Candidates(~TREATED, TREATED.copy(), np.full(11, "", dtype=object))
    found = equal_numbers(stratify(swapped, np.zeros(11, dtype=int)), np.arange(11, dtype=np.uint64))
    assert list(found.kept.reason) == [""] * 7 + ["no_control_left", "", "no_control_left", "no_control_left"]
