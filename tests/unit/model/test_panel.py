"""A panel has one row per firm, in order of firm ids, and survives saving."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit import Panel
from evalkit.errors import DataError, UnknownNameError

ROLES = {"firm": "id", "year": "y", "cohort": "g"}
LONG = pd.DataFrame({
    "id": ["b", "a", "b", "a", "c"], "y": [2011, 2010, 2010, 2012, 2010], "g": [2011, None, 2011, None, None],
    "sales": [4.0, 1.0, 3.0, 2.0, 5.0], "size": [7, 8, 7, 8, 9], "town": ["x", "y", "x", "y", "z"],
})  # fmt: skip


@pytest.fixture
def panel() -> Panel:
    return Panel.from_frame(LONG, **ROLES, outcomes={"sales": "log"}, covariates=["size", "town"], anticipation=1)


def test_long_becomes_one_row_per_firm(panel: Panel) -> None:
    frame = panel.to_frame()
    assert list(frame["firm_id"]) == ["a", "b", "c"]
    assert panel.periods == (2010, 2011, 2012)
    assert panel.cohort.tolist() == [0, 2011, 0]
    values = frame[["sales@2010", "sales@2011", "sales@2012"]].to_numpy()
    np.testing.assert_array_equal(values, [[1, np.nan, 2], [3, 4, np.nan], [5, np.nan, np.nan]])
    assert list(frame["size"]) == [8.0, 7.0, 9.0]
    assert [c.kind for c in panel.covariates] == ["number", "category"]
    assert (panel.n_firms, panel.anticipation, panel.outcomes[0].transform) == (3, 1, "log")


def test_the_frame_is_not_changed_and_its_row_order_does_not_matter(panel: Panel) -> None:
    before = LONG.copy()
    shuffled = Panel.from_frame(LONG.iloc[::-1], **ROLES, outcomes={"sales": "log"}, covariates=["size", "town"])
    pd.testing.assert_frame_equal(LONG, before)
    pd.testing.assert_frame_equal(shuffled.to_frame(), panel.to_frame())


def test_an_arrow_table_gives_the_same(panel: Panel) -> None:
    import pyarrow as pa

    table = pa.Table.from_pandas(LONG, preserve_index=False)
    other = Panel.from_frame(table, **ROLES, outcomes={"sales": "log"}, covariates=["size", "town"])
    pd.testing.assert_frame_equal(other.to_frame(), panel.to_frame())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: pd.concat([t, t.iloc[[0]]]), "E_PANEL_DUP"),
        (lambda t: t.assign(g=[2011, None, 2012, None, None]), "E_COHORT"),
        (lambda t: t.rename(columns={"sales": "sale"}), "E_COLUMN"),
        (lambda t: t.assign(sales=[4.0, 0.0, 3.0, 2.0, 5.0]), "E_NONFINITE"),
        (lambda t: t.assign(sales=[4.0, np.inf, 3.0, 2.0, 5.0]), "E_NONFINITE"),
        (lambda t: t.assign(town=["x", "y", "w", "y", "z"]), "E_COVARIATE"),
    ],
)
def test_tables_that_are_no_panel(change, code: str) -> None:
    with pytest.raises(DataError) as caught:
        Panel.from_frame(change(LONG), **ROLES, outcomes={"sales": "log"}, covariates=["town"])
    assert caught.value.code == code


def test_a_panel_survives_saving_with_the_same_bytes(panel: Panel, tmp_path: Path) -> None:
    panel.save(tmp_path / "a")
    loaded = Panel.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    pd.testing.assert_frame_equal(loaded.to_frame(), panel.to_frame())
    for name in ("panel.parquet", "panel.json", "flow.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (loaded.periods, loaded.outcomes, loaded.covariates) == (panel.periods, panel.outcomes, panel.covariates)
    assert (loaded.anticipation, loaded.flow, loaded.n_firms) == (1, panel.flow, 3)
    assert loaded.cohort.tolist() == panel.cohort.tolist()


@pytest.mark.parametrize("on_disk", [False, True])
def test_batches_hold_every_firm_once(panel: Panel, on_disk: bool, tmp_path: Path, monkeypatch) -> None:
    from evalkit.model import store

    panel.save(tmp_path)
    source = Panel.load(tmp_path) if on_disk else panel
    monkeypatch.setattr(store, "BLOCK_FIRMS", 2)
    blocks = list(source.batches(["firm_id"]))
    assert [b.num_rows for b in blocks] == [2, 1]
    assert [v for b in blocks for v in b.column(0).to_pylist()] == ["a", "b", "c"]


def test_covariates_and_outcomes_by_name(panel: Panel) -> None:
    assert panel.outcome("sales").name == "sales"
    assert panel.covariate("size").kind == "number"
    for ask, code in ((panel.outcome, "E_UNKNOWN_NAME"), (panel.covariate, "E_UNKNOWN_NAME")):
        with pytest.raises(UnknownNameError) as caught:
            ask("sze")
        assert caught.value.code == code
    for name in ("sales", "sales@2010"):
        with pytest.raises(UnknownNameError) as caught:
            panel.covariate(name)
        assert caught.value.code == "E_ROLE"


def test_the_display_counts_and_names_no_firm(panel: Panel) -> None:
    html = panel._repr_html_()
    assert "3 firms (1 treated)" in html
    assert "2010 to 2012" in html
