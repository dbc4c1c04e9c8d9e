"""Groups of firms with treated and untreated members."""

import numpy as np
import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DesignError
from evalkit.etl.build import build_panel
from evalkit.etl.panel.groups import without_mixed

PARENTS = {1: 0, 6: 0, 7: 50, 8: 50, 2: 51, 3: 51}
"""Parent by firm: a mixed group with its parent, one of controls, one of treated firms."""


def build(folder, **how):
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        row["parent_id"] = given.number(PARENTS[i]) if i in PARENTS else ""
    given.write(folder, data)
    return build_panel(given.study(given.study_dict() | {"firms": {"group": "parent_id", **how}}), folder)


@pytest.mark.parametrize(
    ("rule", "gone"), [("keep", set()), ("exclude_controls", {6}), ("exclude", {0, 1, 6})]
)  # fmt: skip
def test_firms_of_mixed_groups(tmp_path, rule, gone):
    panel = build(tmp_path, mixed=rule)
    rows = panel.read(["firm_id", "group_id"]).to_pylist()
    expected = {given.number(i): given.number(PARENTS.get(i, i)) for i in given.FIRMS if i not in gone}
    assert {r["firm_id"]: r["group_id"] for r in rows} == expected
    steps = [s for s in panel.flow.steps if s.step == "mixed groups"]
    assert [(s.n_in, s.kept, s.quarantined) for s in steps] == ([(12, 12 - len(gone), len(gone))] if gone else [])
    assert [c.name for c in panel.covariates] == given.study_dict()["covariates"]["baseline"]


def test_every_group_mixed_leaves_nothing_to_compare(tmp_path):
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        row["parent_id"] = given.number(60 + i % 6)
    given.write(tmp_path, data)
    asked = given.study_dict() | {"firms": {"group": "parent_id", "mixed": "exclude"}}
    with pytest.raises(DesignError) as caught:
        build_panel(given.study(asked), tmp_path)
    assert caught.value.code == "E_NO_TREATED"


def test_rules_against_a_walk():
    rng = np.random.default_rng(2)
    groups, is_treated = rng.integers(0, 40, 120), rng.random(120) < 0.3
    treated, control = set(groups[is_treated]), set(groups[~is_treated])
    mixed = np.array([g in treated & control for g in groups])
    names = pa.array([f"g{g}" for g in groups])
    assert (without_mixed(names, is_treated, "exclude") == ~mixed).all()
    assert (without_mixed(names, is_treated, "exclude_controls") == (~mixed | is_treated)).all()
    assert mixed.any()
