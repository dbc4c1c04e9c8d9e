"""Group-time effects and all their averages by csdid, the port of R's did: the same numbers under every option."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference

pytest.importorskip("csdid", reason="the extra 'parity' is not installed")
SAME = 1e-8
"""Both are exact; logits end at a relative change of the deviance of 1e-8 there."""
HOW = {"none": None, "regression": "reg", "ipw": "ipw", "doubly_robust": "dr"}
LEVELS = {"overall": "simple", "event_time": "dynamic", "cohort": "group", "year": "calendar"}


def table(seed: int = 3) -> pd.DataFrame:
    found = twins.frame(500, seed=seed)
    code = found["firm"].str[1:].astype(int)
    return found.assign(id=code, size=np.sin(code * 1.7), age=np.cos(code * 0.9), sampling=1.0 + code % 4)


def theirs(data: pd.DataFrame, how: str, comparison: str, **options: object):
    from csdid.att_gt import ATTgt

    base = options.pop("base_period", "varying")
    model = ATTgt(
        yname="y", tname="year", idname="id", gname="g", data=data, control_group=[comparison.replace("_", "")],
        xformla="y~1" if how == "none" else "y~size+age", **options,
    )  # fmt: skip
    return model.fit(est_method=HOW[how] or "reg", base_period=base, bstrap=False)


def ours(data: pd.DataFrame, how: str, comparison: str, **roles: object) -> ek.Effects:
    base, weight = roles.pop("base", "varying"), roles.pop("weight", None)
    panel = twins.panel(data, covariates=("size", "age"), **roles)
    sample = twins.sample(dataclasses.replace(panel, inference=Inference(correction="cr1")), weight)
    return ek.estimate(sample, "group_time", adjustment=how, comparison=comparison, base=base)


def assert_same_cells(mine: ek.Effects, other) -> None:
    known = dict(zip(zip(other.results["group"], other.results["year"], strict=True),
                     zip(other.results["att"], other.results["se"], strict=True), strict=True))  # fmt: skip
    rows = [known[(row.cohort, row.year)] for row in mine.table.itertuples()]
    assert len(rows) >= 9
    np.testing.assert_allclose(mine.table[["estimate", "std_error"]].to_numpy(float), np.array(rows, float), atol=SAME)


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("how", HOW)
def test_cells_and_averages(how: str, comparison: str, base: str) -> None:
    mine, other = ours(table(), how, comparison, base=base), theirs(table(), how, comparison, base_period=base)
    assert_same_cells(mine, other)
    for by, kind in LEVELS.items():
        average = other.aggte(typec=kind, bstrap=False, cband=False).atte
        level = ek.aggregate(mine, by)
        if by != "overall":
            found = level.table.set_index(by)[["estimate", "std_error"]].astype(float)
            known = zip(average["egt"], average["att_egt"], average["se_egt"], strict=True)
            pairs = [(found.loc[e].tolist(), [b, s]) for e, b, s in known if e in found.index]
            assert len(pairs) == len(found)
            np.testing.assert_allclose(*map(np.array, zip(*pairs, strict=True)), atol=SAME)
        total = ek.aggregate(level).table.iloc[0]
        assert total["estimate"] == pytest.approx(float(average["overall_att"]), abs=SAME)
        assert total["std_error"] == pytest.approx(float(np.squeeze(average["overall_se"])), abs=SAME)


@pytest.mark.parametrize("how", HOW)
def test_sampling_weights(how: str) -> None:
    data = table()
    weight = data.groupby("firm")["sampling"].first().to_numpy()
    mine = ours(data, how, "not_yet_treated", weight=weight)
    assert_same_cells(mine, theirs(data, how, "not_yet_treated", weights_name="sampling"))


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("how", ["none", "doubly_robust"])
def test_anticipation(how: str, comparison: str) -> None:
    mine = ours(table(), how, comparison, anticipation=1)
    assert_same_cells(mine, theirs(table(), how, comparison, anticipation=1))
