import numpy as np

import firms
from evalkit.stats.candidates import candidates


def test_who_can_be_compared() -> None:
    table = firms.frame(6).assign(g=[0, 2011, 2012, 2014, 2015, 0])
    found = candidates(firms.panel(table))
    np.testing.assert_array_equal(found.treated, [0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(found.control, [1, 0, 0, 0, 0, 1])
    assert list(found.reason) == ["", "always_treated", "", "", "treated_after_window", ""]
    np.testing.assert_array_equal(found.rows, [0, 2, 3, 5])


def test_the_first_reason_stays() -> None:
    everyone = candidates(firms.panel(firms.frame(6).assign(g=[0, 2011, 2012, 2014, 2015, 0])))
    fewer = everyone.drop(np.array([1, 1, 1, 0, 0, 0], dtype=bool), "because")
    assert list(fewer.reason) == ["because", "always_treated", "because", "", "treated_after_window", ""]
    assert list(everyone.reason).count("because") == 0
