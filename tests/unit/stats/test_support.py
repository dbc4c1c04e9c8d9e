import numpy as np
import pytest

from evalkit.errors import DesignError
from evalkit.stats.candidates import Candidates
from evalkit.stats.support import outside_support

SCORE = np.array([0.9, 0.5, 0.2, 0.5, 0.6, 0.1, np.nan])
TREATED = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
CONTROL = np.array([0, 0, 0, 1, 1, 1, 0], dtype=bool)


def firms() -> Candidates:
    return Candidates(TREATED, CONTROL, np.array([""] * 6 + ["missing_covariate"], dtype=object))


@pytest.mark.parametrize(("discard", "wanted"), [("none", []), ("treated", [0]), ("control", [5]), ("both", [0, 5])])
def test_firms_beyond_the_other_group_are_dropped(discard: str, wanted: list[int]) -> None:
    kept = outside_support(firms(), SCORE, discard)
    np.testing.assert_array_equal(np.flatnonzero(kept.reason == "outside_support"), wanted)
    assert kept.reason[6] == "missing_covariate"


def test_no_common_support_is_refused_with_the_share_outside() -> None:
    with pytest.raises(DesignError) as caught:
        outside_support(firms(), np.where(TREATED, 3.0, 1.0), "treated")
    assert caught.value.code == "E_NO_OVERLAP"
    assert "50%" in caught.value.problem
