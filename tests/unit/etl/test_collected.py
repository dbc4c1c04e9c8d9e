"""Parts put together are the table they were cut from."""

import pyarrow as pa
import pytest

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


def test_a_source_of_which_nothing_is_kept_stops_at_the_limit(tmp_path) -> None:
    import etl_inputs
    from evalkit.errors import DataError
    from evalkit.etl.build import build_panel

    tables = etl_inputs.tables()
    for row in tables["awards"]:
        row["交付決定額"] = "1.5x"
    etl_inputs.write(tmp_path, tables)
    with pytest.raises(DataError) as caught:
        build_panel(etl_inputs.study({**etl_inputs.study_dict(), "limits": {}}), tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("E_QUARANTINE_LIMIT", 3)
