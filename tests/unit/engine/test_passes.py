"""Passes over blocks: order, threads, storage and memory order do not change a bit."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.engine.local import map_blocks, threads
from evalkit.engine.paths import baseline_means, path_bounds, path_columns, paths, sample_moments
from evalkit.errors import DesignError, EstimationError
from evalkit.model import store
from evalkit.model.study import Outcome


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BLOCK_FIRMS", 16)


def test_partials_come_in_block_order(small_blocks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_THREADS", "4")
    p = twins.panel(twins.frame(n=100))
    seen = list(map_blocks(p, ["firm_id"], lambda block, row: (row, block.num_rows, block.column(0)[0].as_py())))
    assert [s[0] for s in seen] == list(range(0, 100, 16))
    assert sum(s[1] for s in seen) == 100
    assert [s[2] for s in seen] == p.firm.to_pylist()[::16]


def test_threads_can_be_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_THREADS", "1")
    assert threads() == 1
    monkeypatch.delenv("EVALKIT_THREADS")
    assert threads() >= 1


def test_an_error_in_a_block_reaches_the_caller() -> None:
    def fail(block: pa.RecordBatch, row: int) -> None:
        raise ValueError("in a block")

    with pytest.raises(ValueError, match="in a block"):
        list(map_blocks(twins.panel(twins.frame()), ["firm_id"], fail))


@pytest.mark.parametrize("n_threads", ["1", "3"])
def test_blocks_threads_and_storage_do_not_change_a_bit(n_threads, small_blocks, monkeypatch, tmp_path) -> None:
    table = twins.frame(missing=0.1)
    whole = sample_moments(twins.sample(twins.panel(table)))
    monkeypatch.setenv("EVALKIT_THREADS", n_threads)
    twins.panel(table).save(tmp_path)
    stored = sample_moments(twins.sample(ek.Panel.load(tmp_path)))
    for name in ("cohort", "observed", "n", "total", "product", "centre"):
        assert getattr(whole, name).tobytes() == getattr(stored, name).tobytes(), name


def test_data_are_read_once_per_sample() -> None:
    s = twins.sample(twins.panel(twins.frame()))
    assert sample_moments(s) is sample_moments(s)


def test_baseline_mean_is_of_treated_firms_before_the_award() -> None:
    table = twins.frame(missing=0.2)
    before = table[(table["g"] > 0) & (table["year"] == table["g"] - 1)]
    assert baseline_means(twins.sample(twins.panel(table)))["y"] == pytest.approx(before["y"].mean(), rel=1e-14)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_impossible_weights_are_refused(bad: float) -> None:
    p = twins.panel(twins.frame())
    weight = np.ones(p.n_firms)
    weight[3] = bad
    with pytest.raises(EstimationError) as caught:
        sample_moments(twins.sample(p, weight))
    assert caught.value.code == "E_WEIGHT"


def test_a_sample_of_nobody_is_refused() -> None:
    p = twins.panel(twins.frame())
    with pytest.raises(DesignError):
        sample_moments(twins.sample(p, np.zeros(p.n_firms)))


@pytest.mark.parametrize("scale", ["level", "log", "asinh", "growth"])
@pytest.mark.parametrize("stored", [True, False])
def test_ranges_are_those_of_the_values(scale: str, stored: bool, tmp_path) -> None:
    table = twins.frame(missing=0.2)
    table["y"] = np.exp(table["y"])
    table.loc[table.index[3], "y"] = 0.0
    table.loc[table["year"] == 2013, "y"] = np.nan
    outcome = Outcome(name="y", column="y", transform=scale, nonpositive="missing")
    p = dataclasses.replace(twins.panel(table), outcomes=(outcome,))
    if stored:
        p.save(tmp_path)
        p = ek.Panel.load(tmp_path)
    y = np.concatenate([paths(p, b) for b in p.batches(path_columns(p))])
    low, high = path_bounds(p)
    np.testing.assert_allclose(low, np.nan_to_num(np.fmin.reduce(y, axis=0)), rtol=1e-14)
    np.testing.assert_allclose(high, np.nan_to_num(np.fmax.reduce(y, axis=0)), rtol=1e-14)
