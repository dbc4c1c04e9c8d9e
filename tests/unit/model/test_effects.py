"""Effects keep their covariance with their rows, and survive saving."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.effects import COLUMNS, conform


@pytest.fixture(scope="module")
def effects() -> ek.Effects:
    table = twins.frame(n=80)
    table["z"] = table["y"] * 2 + 1
    return ek.estimate(twins.sample(twins.panel(table, outcomes=("y", "z"))), "group_time")


@pytest.mark.parametrize("method", ["group_time", "event_study"])
def test_effects_survive_saving(method: str, tmp_path: Path) -> None:
    found = ek.estimate(twins.sample(twins.panel(twins.frame(n=80))), method)
    found.save(tmp_path / "a")
    loaded = ek.Effects.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    pd.testing.assert_frame_equal(loaded.table, found.table)
    np.testing.assert_array_equal(loaded.vcov, found.vcov)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert (loaded.method, loaded.baseline, loaded.notes) == (found.method, found.baseline, found.notes)
    np.testing.assert_array_equal(loaded.row_dof, found.row_dof)
    assert loaded.level == found.level
    pd.testing.assert_frame_equal(ek.aggregate(loaded, "overall").table, ek.aggregate(found, "overall").table)


def test_rows_keep_their_covariance(effects: ek.Effects) -> None:
    z = effects.of("z")
    rows = np.flatnonzero((effects.table["outcome"] == "z").to_numpy())
    assert 0 < len(rows) < len(effects.table)
    np.testing.assert_array_equal(z.vcov, effects.vcov[np.ix_(rows, rows)])
    assert z.shares is not None
    assert len(z.shares.cross) == len(z.table) == len(rows)
    np.testing.assert_allclose(z.table["estimate"], 2 * effects.of("y").table["estimate"], rtol=1e-6)


def test_the_frame_is_a_copy(effects: ek.Effects) -> None:
    frame = effects.to_frame()
    frame.loc[0, "estimate"] = 1e9
    assert effects.table["estimate"].max() < 1e9
    assert "group_time" in effects._repr_html_()


def test_conform_gives_all_columns_in_order_with_types() -> None:
    table = conform(pd.DataFrame({"estimate": [1], "year": [2010.0], "outcome": ["y"]}))
    assert tuple(table.columns) == COLUMNS
    assert (str(table["year"].dtype), str(table["estimate"].dtype)) == ("Int64", "float64")
    assert table["cohort"].isna().all()
