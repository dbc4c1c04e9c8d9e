"""A matched sample counts, says who was dropped, and survives saving."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins

N = 40


@pytest.fixture
def sample() -> ek.MatchedSample:
    panel = twins.panel(twins.frame(n=N))
    weight = np.where(panel.cohort > 0, 1.0, 0.5)
    weight[[0, 1]] = 0
    made = twins.sample(panel, weight)
    reason = made.reason.copy()
    reason[[0, 1]] = "outside_caliper"
    return dataclasses.replace(
        made, reason=reason, method="nearest", options={"ratio": 2, "exact": ("a",)}, notes=("k:v",)
    )


def test_counts(sample: ek.MatchedSample) -> None:
    kept = sample.weight > 0
    assert sample.n_treated == int(kept[sample.panel.cohort > 0].sum())
    assert sample.n_control == int(kept[sample.panel.cohort == 0].sum())
    assert sample.n_treated + sample.n_control == N - 2
    assert sample.effective_controls == pytest.approx(sample.n_control)
    assert sample.dropped["firms"].sum() == 2
    assert set(sample.dropped["reason"]) == {"outside_caliper"}


def test_effective_controls_are_kishs(sample: ek.MatchedSample) -> None:
    weight = np.zeros(N)
    controls = np.flatnonzero(sample.panel.cohort == 0)
    weight[controls[:3]] = [1, 1, 2]
    assert dataclasses.replace(sample, weight=weight).effective_controls == pytest.approx(16 / 6)
    assert dataclasses.replace(sample, weight=np.zeros(N)).effective_controls == 0


def test_a_sample_survives_saving(sample: ek.MatchedSample, tmp_path: Path) -> None:
    sample.save(tmp_path / "a")
    loaded = ek.MatchedSample.load(tmp_path / "a", sample.panel)
    loaded.save(tmp_path / "b")
    pd.testing.assert_frame_equal(loaded.to_frame(), sample.to_frame())
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert (loaded.method, loaded.estimand, loaded.notes) == ("nearest", "att", ("k:v",))
    assert loaded.weight.dtype == np.float64
    assert loaded.subclass.dtype == np.int32
    assert ek.estimate(loaded).table.equals(ek.estimate(sample).table)


def test_the_display_counts(sample: ek.MatchedSample) -> None:
    assert f"{sample.n_treated} treated, {sample.n_control} controls" in sample._repr_html_()
