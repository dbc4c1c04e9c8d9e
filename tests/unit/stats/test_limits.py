import numpy as np

from evalkit.stats.limits import Limit, Limits


def test_widths_include_their_end_and_equal_values_differ_from_none() -> None:
    near = Limit(np.array([1.0]), np.array([3.0, 3.1, -1.0]), 2.0)
    differ = Limit(np.array([2]), np.array([2, 1, 1]), None)
    assert [near.allows(0, c) for c in range(3)] == [True, False, True]
    assert [differ.allows(0, c) for c in range(3)] == [False, True, True]
    assert [Limits((near, differ)).allow(0, c) for c in range(3)] == [False, False, True]
    assert Limits().allow(0, 0)
