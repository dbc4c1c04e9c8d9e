import numpy as np

from evalkit.model.sample import PAIR_COLUMNS
from evalkit.stats.pairs import pair_table, pair_weights


def test_weights_by_hand() -> None:
    """Treated 0 has controls 2 and 3, treated 1 has control 3, treated 5 has none."""
    weight, subclass = pair_weights(np.array([0, 0, 1]), np.array([2, 3, 3]), 6)
    np.testing.assert_array_equal(weight, [1, 1, 0.5, 1.5, 0, 0])
    np.testing.assert_array_equal(subclass, [0, 1, 0, -1, -1, -1])


def test_the_empty_table_has_the_columns() -> None:
    assert tuple(pair_table().column_names) == PAIR_COLUMNS
    assert pair_table().num_rows == 0
