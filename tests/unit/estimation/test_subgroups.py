"""Effects by group of firms: each group by itself, and all of them together."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference

ROUNDED = 1e-9
"""The product rounds outcomes to 2^-32 of a unit or so, the twin does not."""
EXACT = 1e-12
"""The same sums, added up in another order."""


def table(**settings: float) -> pd.DataFrame:
    frame = twins.industries(twins.frame(**{"n": 300, "missing": 0.1} | settings))
    return frame.assign(place=frame["firm"].str[-2:])


def panel(frame: pd.DataFrame, **roles: object) -> ek.Panel:
    return twins.panel(frame, covariates=("industry", "place"), **roles)


def of(frame: pd.DataFrame, industry: str) -> pd.DataFrame:
    return frame[frame["industry"] == industry]


@pytest.mark.parametrize("estimator", ["group_time", "event_study", "imputation", "stacked"])
def test_each_group_has_the_effects_of_its_firms_alone(estimator: str) -> None:
    frame = table()
    found = ek.estimate(twins.sample(panel(frame)), "subgroups", by="industry", estimator=estimator)
    for industry in ("made", "sold"):
        alone = ek.estimate(twins.sample(panel(of(frame, industry))), estimator)
        own = found.take(np.flatnonzero(found.table["group"] == industry))
        columns = ["estimate", "std_error", "conf_low", "conf_high", "n_treated", "n_control"]
        np.testing.assert_allclose(own.table[columns].astype(float), alone.table[columns].astype(float), rtol=EXACT)
        np.testing.assert_allclose(own.vcov, alone.vcov, rtol=EXACT, atol=EXACT)
    split = (found.table["group"] == "made").to_numpy(bool)
    assert not found.vcov[split][:, ~split].any()


def test_the_average_over_groups_has_the_error_of_firms_that_are_drawn_with_their_group() -> None:
    """Influence of each firm: of the cells of its group, and of the shares of cohorts and groups, by hand."""
    frame = table(missing=0.0, growth=0.3)
    found = ek.aggregate(ek.estimate(twins.sample(panel(frame)), "subgroups", by="industry"))
    firms = frame.groupby("firm")[["g", "industry"]].first()
    total, pieces = np.zeros(len(firms)), []
    for industry in ("made", "sold"):
        cells, estimates, psi = twins.group_time(of(frame, industry))
        inside = (firms["industry"] == industry).to_numpy()
        for k in np.flatnonzero((cells["year"] >= cells["cohort"]).to_numpy()):
            member = inside & (firms["g"] == cells["cohort"][k]).to_numpy()
            own = np.zeros(len(firms))
            own[inside] = psi[:, k]
            pieces.append((estimates[k], own, member))
    effect = np.array([e for e, _, _ in pieces])
    mass = np.array([m.sum() for _, _, m in pieces], float)
    overall = mass @ effect / mass.sum()
    for (e, own, member), m in zip(pieces, mass, strict=True):
        total += m / mass.sum() * own + (e - overall) / mass.sum() * member
    assert found.table["estimate"].item() == pytest.approx(overall, rel=ROUNDED)
    assert found.table["std_error"].item() == pytest.approx(np.sqrt((total**2).sum()), rel=ROUNDED)


def test_a_contrast_between_groups_adds_up_their_variances() -> None:
    groups = ek.aggregate(ek.estimate(twins.sample(panel(table())), "subgroups", by="industry"), "group")
    gap = ek.combine(groups, {"sold less made": np.array([-1.0, 1.0])}).table
    assert groups.table["group"].tolist() == ["made", "sold"]
    assert gap["std_error"].item() == pytest.approx(np.hypot(*groups.table["std_error"]), rel=EXACT)
    assert (ek.adjust(groups, "holm") >= groups.table["p_value"].to_numpy()).all()


def test_few_firms_of_a_group_leave_few_degrees_of_freedom() -> None:
    found = ek.aggregate(
        ek.estimate(twins.sample(panel(table(n=60, missing=0.0))), "subgroups", by="industry"), "group"
    )
    assert np.isfinite(found.row_dof).all()
    assert (found.row_dof < 30).all()


def test_draws_of_groups_give_bands() -> None:
    inference = Inference(bootstrap="rademacher", draws=199)
    given = dataclasses.replace(panel(table()), inference=inference)
    found = ek.estimate(twins.sample(given), "subgroups", by="industry")
    assert found.draws.effects.shape == (199, len(found.table))
    groups = ek.aggregate(found, "group")
    assert (ek.simultaneous_band(groups)["band_low"] < groups.table["estimate"]).all()


def test_a_group_without_comparison_firms_is_named() -> None:
    frame = table()
    lonely = frame["firm"].isin(frame.loc[frame["g"] > 0, "firm"].unique()[:5])
    given = panel(frame.assign(industry=frame["industry"].mask(lonely, "third")))
    found = ek.estimate(twins.sample(given), "subgroups", by="industry")
    assert "groups_left_out:third" in found.notes
    assert set(found.table["group"]) == {"made", "sold"}
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(twins.sample(panel(frame[frame["g"] > 0])), "subgroups", by="industry")
    assert caught.value.code == "E_NO_CONTROL"


def test_a_group_in_which_an_outcome_never_varies_is_named() -> None:
    """Its effect would be 0 without error."""
    frame = table()
    found = ek.estimate(
        twins.sample(panel(frame.assign(y=frame["y"].mask(frame["industry"] == "made", 0.0)))),
        "subgroups",
        by="industry",
    )
    assert "groups_left_out:made" in found.notes
    assert set(found.table["group"]) == {"sold"}
    assert found.table["p_value"].notna().all()


def test_counts_in_notes_are_those_of_all_groups() -> None:
    frame = table()
    early = frame["firm"].isin(frame["firm"].unique()[:40])
    given = panel(frame.assign(g=frame["g"].mask(early, frame["year"].min())))
    notes = ek.estimate(twins.sample(given), "subgroups", by="industry").notes
    assert "always_treated_dropped:40" in notes


@pytest.mark.parametrize("by", ["overall", "event_time", "cohort", "year"])
@pytest.mark.parametrize("estimator", ["group_time", "event_study", "imputation"])
def test_averages_over_groups_count_the_firms_of_all_of_them(estimator: str, by: str) -> None:
    """Firm by firm, from the award on: those of the groups compared, once each; one group may be left out."""
    frame = table(missing=0.0)
    n_lonely = 5 if estimator == "group_time" else 0  # others refuse such a group, or compare within it
    lonely = frame["firm"].isin(frame.loc[frame["g"] > 0, "firm"].unique()[:n_lonely])
    frame = frame.assign(industry=frame["industry"].mask(lonely, "third"))
    found = ek.estimate(twins.sample(panel(frame)), "subgroups", by="industry", estimator=estimator)
    if by in ("cohort", "year") and found.table[by].isna().any():
        pytest.skip("the estimator has no such effects")
    firms = frame[~lonely].groupby("firm")["g"].first()
    n_control = int((firms == 0).sum())
    averages = ek.aggregate(found, by).table
    averages = averages[averages["event_time"].fillna(0) >= 0]
    assert (averages["n_control"] == n_control).all()
    assert n_control > found.table["n_control"].max()
    last = frame["year"].max()
    behind = {
        "overall": lambda _: firms > 0, "cohort": lambda g: firms == g, "year": lambda t: (firms > 0) & (firms <= t),
        "event_time": lambda e: (firms > 0) & (firms + e).between(frame["year"].min(), last),
    }[by]  # fmt: skip
    levels = [None] if by == "overall" else averages[by]
    assert averages["n_treated"].tolist() == [int(behind(level).sum()) for level in levels]


def test_the_total_over_groups_counts_the_firms_of_all_of_them(tmp_path) -> None:
    """Also after the effects were saved and read again."""
    frame = table(missing=0.0)
    ek.estimate(twins.sample(panel(frame)), "subgroups", by="industry").save(tmp_path)
    firms = frame.groupby("firm")["g"].first()
    (row,) = ek.total(ek.Effects.load(tmp_path)).table.to_dict("records")
    assert (row["n_treated"], row["n_control"]) == ((firms > 0).sum(), (firms == 0).sum())


def test_clusters_may_lie_within_groups_but_not_reach_over_them() -> None:
    frame = table(n=400, missing=0.0)
    frame["within"] = frame["industry"] + frame["place"]
    given = twins.panel(frame, covariates=("industry", "within"))
    inside = ek.estimate(twins.sample(dataclasses.replace(given, clusters=("within",))), "subgroups", by="industry")
    assert np.isfinite(inside.table["std_error"]).all()
    frame["over"] = frame["firm"].str[-3:-1]
    crossing = dataclasses.replace(twins.panel(frame, covariates=("industry", "over")), clusters=("over",))
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(twins.sample(crossing), "subgroups", by="industry")
    assert caught.value.code == "E_CLUSTERS"


def test_matching_across_groups_is_told() -> None:
    frame = table()
    given = panel(frame.assign(place=frame["firm"].str[-3]))
    for on, is_told in ((("industry",), False), (("place",), True)):
        notes = ek.estimate(ek.match(given, "exact", on=on), "subgroups", by="industry").notes
        assert ("groups_not_exact:industry" in notes) is is_told
    unmatched = ek.estimate(ek.match(given, "none"), "subgroups", by="industry").notes
    assert "groups_not_exact:industry" not in unmatched


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"by": "industri"}, "E_UNKNOWN"),
        ({"estimator": "subgroups"}, "E_OPTION"),
        ({"estimator": "group_tim"}, "E_OPTION"),
        ({"options": {"comparisn": "never_treated"}}, "E_OPTION"),
        ({"estimator": "matched_sets"}, "E_OPTION"),
    ],
)
def test_what_cannot_be_asked_is_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(twins.sample(panel(table())), "subgroups", **options)
    assert code in caught.value.code
