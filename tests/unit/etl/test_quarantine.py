"""Rows set aside: limits, and the files."""

import types

import pyarrow as pa
import pytest

from evalkit.etl.conform import Typed
from evalkit.etl.quarantine import limit_problems
from evalkit.model.study import Limits


def typed(rules, amounts, n_rows, total, lacks_ids=False):
    """Return a source of which some rows were set aside."""
    rejected = pa.table(
        {"row": list(range(len(rules))), "amount": amounts, "column": ["c"] * len(rules), "rule": rules},
        pa.schema([("row", pa.int64()), ("amount", pa.float64()), ("column", pa.string()), ("rule", pa.string())]),
    )
    layout = types.SimpleNamespace(lacks_ids=lacks_ids)
    return Typed(types.SimpleNamespace(role="awards", n_rows=n_rows, layout=layout), rejected, rejected, total)


@pytest.mark.parametrize(
    ("rules", "amounts", "n_rows", "problem"),
    [
        (["E_DATE"], [None], 100, ""),
        (["E_DATE"], [None], 99, "1 of 99 rows"),
        (["E_DATE"], [1.0], 100, ""),
        (["E_DATE"], [-2.0], 100, "0.20% of the award amount"),
        (["E_UNLINKED"] * 50, [10.0] * 50, 100, ""),
        ([], [], 100, ""),
    ],
)
def test_limits(rules, amounts, n_rows, problem):
    errors = limit_problems([typed(rules, amounts, n_rows, 1000)], Limits())
    assert [e.code for e in errors] == (["E_QUARANTINE_LIMIT"] if problem else [])
    assert all(e.problem.startswith(problem) for e in errors)


@pytest.mark.parametrize(("lacks_ids", "n_problems"), [(False, 1), (True, 0)])
def test_rows_without_an_id_are_a_class_of_their_own_where_the_layout_expects_them(lacks_ids, n_problems):
    rules = ["E_NO_FIRM_ID"] * 36
    assert len(limit_problems([typed(rules, [None] * 36, 100, 0, lacks_ids)], Limits())) == n_problems
    assert limit_problems([typed([*rules, "E_DATE", "E_DATE"], [None] * 38, 100, 0, lacks_ids)], Limits())
