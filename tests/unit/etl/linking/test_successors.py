"""Chains of mergers against a walk from firm to firm."""

import numpy as np
import pyarrow as pa
import pytest

from evalkit.errors import DataError
from evalkit.etl.linking.successors import resolve_successors


def mergers(*pairs: tuple[str, str]) -> pa.Table:
    return pa.table({"firm_id": pa.array([p[0] for p in pairs], pa.string()),
                     "successor_id": pa.array([p[1] for p in pairs], pa.string())})  # fmt: skip


def column(*firms: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(firms, pa.string())])


def test_a_chain_leads_to_its_end():
    found = resolve_successors(column("A", "B", "C", "D", None), mergers(("A", "B"), ("B", "C"), ("A", "B")))
    assert found.to_pylist() == ["C", "C", "C", "D", None]


def test_no_mergers():
    assert resolve_successors(column("A", None), mergers()).to_pylist() == ["A", None]


def test_many_long_chains_against_a_walk():
    rng = np.random.default_rng(1)
    order = [f"F{i}" for i in rng.permutation(600)]
    pairs = {
        f: order[int(rng.integers(i + 1, min(i + 4, 600)))] for i, f in enumerate(order[:-1]) if rng.random() < 0.95
    }

    def walk(firm: str) -> str:
        return walk(pairs[firm]) if firm in pairs else firm

    found = resolve_successors(column(*order), mergers(*pairs.items()))
    assert found.to_pylist() == [walk(f) for f in order]


@pytest.mark.parametrize(
    ("pairs", "code", "count"),
    [
        ([("A", "B"), ("B", "A")], "E_SUCCESSOR_CYCLE", "2 firms"),
        ([("A", "A")], "E_SUCCESSOR_CYCLE", "1 firms"),
        ([("X", "A"), ("A", "B"), ("B", "C"), ("C", "A"), ("P", "Q")], "E_SUCCESSOR_CYCLE", "4 firms"),
        ([("A", "B"), ("A", "C")], "E_SUCCESSOR_TWICE", "1 firms"),
    ],
)
def test_circles_and_forks_are_refused_without_naming_firms(pairs, code, count):
    with pytest.raises(DataError, match=count) as error:
        resolve_successors(column("A"), mergers(*pairs))
    assert error.value.code == code
