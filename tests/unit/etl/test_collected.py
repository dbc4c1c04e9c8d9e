"""Parts put together are the table they were cut from."""

import pyarrow as pa

from evalkit.etl.collected import Collected


def test_nulls_and_order_stay():
    whole = pa.table({
        "i": pa.array([3, 1, 2, 9], pa.int64()), "j": pa.array([2**53 + 1, None, None, 5], pa.int64()),
        "y": pa.array([2019, None, 2021, 2022], pa.int32()),
        "v": pa.array([0.5, None, -1.0, None]), "k": ["a", None, "", "b"],
    })  # fmt: skip
    collected = Collected(10)
    for start, n_rows in ((0, 1), (1, 0), (1, 2), (3, 1)):
        collected.add(whole.slice(start, n_rows))
    assert collected.table().equals(whole)
