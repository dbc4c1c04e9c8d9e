"""Support that begins, ends and begins again: against firm-by-firm formulas and a second package."""

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError, EstimationError, StudyError
from evalkit.model.study import Inference

TWIN = 1e-10
"""Exact sums of values rounded at 2^-34 of their range, against the same formulas on the values."""
SAME = 1e-8
YEARS = 7


def frame(n: int = 240, noise: float = 0.5, missing: float = 0.0, effect: float = 0.5, seed: int = 2) -> pd.DataFrame:
    """Firms never supported, always, from one year on, until one year, and now and then."""
    rng = np.random.default_rng(seed)
    start, kind = rng.integers(1, YEARS, (n, 1)), np.arange(n)[:, None] % 6
    year = np.arange(YEARS)
    often = rng.random((n, YEARS)) < 0.3
    status = np.select(
        [kind < 2, kind == 2, kind == 3, kind == 4], [year < 0, year >= 0, year >= start, year < start], often
    )
    y = rng.normal(0, 1, (n, 1)) + np.sin(year) + noise * rng.normal(0, 1, (n, YEARS)) + effect * status
    table = pd.DataFrame({
        "firm": np.repeat([f"F{i:05d}" for i in range(n)], YEARS), "year": np.tile(2011 + year, n),
        "y": y.ravel(), "award": 100.0 * status.ravel(),
    })  # fmt: skip
    first = table[table["award"] > 0].groupby("firm")["year"].min()
    table["g"] = table["firm"].map(first).fillna(0).astype(int)
    return table.assign(y=table["y"].mask(rng.random(len(table)) < missing))


def sample(table: pd.DataFrame, weight: np.ndarray | None = None, **roles: object) -> ek.MatchedSample:
    panel = twins.panel(table, award="award", **roles)
    return twins.sample(dataclasses.replace(panel, inference=Inference(correction="cr1")), weight)


def steps(d: np.ndarray, instant: bool):
    """Give sign, event time, both times, last year of status looked at, and both sides of each comparison."""
    first = np.array([next((t for t in range(YEARS) if row[t] != row[0]), YEARS) for row in d])
    for since in range(YEARS - 1):
        now = since + 1
        for status, sign in ((False, 1), (True, -1)):
            if instant:
                had = d[:, since] == status
                moves, stays = had & (d[:, now] != status), had & (d[:, now] == status)
                kept = d[:, since - 1] == status
                yield sign, 0, now, since, now, moves, stays
                if since:
                    yield sign, -2, since - 1, since, now, moves & kept, stays & kept
                continue
            own = d[:, 0] == status
            for at in range(now, YEARS):
                sides = own & (first == now), own & (first > at)
                yield sign, at - now, at, since, at, *sides
                if 2 * since - at >= 0:
                    yield sign, since - at - 1, 2 * since - at, since, at, *sides


def twin(table: pd.DataFrame, weight: np.ndarray, *, instant: bool = False, normalised: bool = False) -> dict:
    """Return by event time the effect and the influence of each firm, one comparison after the other."""
    y = table.pivot_table(index="firm", columns="year", values="y", dropna=False).to_numpy()
    d = table.pivot_table(index="firm", columns="year", values="award").to_numpy() > 0
    cells: dict[int, list] = {}
    for sign, event, at, since, until, moves, stays in steps(d, instant):
        change = y[:, at] - y[:, since]
        one, other = moves & ~np.isnan(change), stays & ~np.isnan(change)
        if one.any() and other.any():
            years = (d[:, : until + 1] != d[:, :1]).sum(axis=1)
            cells.setdefault(event, []).append((sign, change, one, other, years))
    return {event: joined(own, weight, normalised) for event, own in sorted(cells.items())}


def joined(cells: list, weight: np.ndarray, normalised: bool) -> tuple[float, np.ndarray]:
    """Average comparisons by their switchers."""
    mass = sum(weight[one].sum() for _, _, one, *_ in cells)
    scale = sum((weight * years)[one].sum() for _, _, one, _, years in cells) / mass if normalised else 1.0
    effect, psi = 0.0, np.zeros(len(weight))
    for sign, change, one, other, _ in cells:
        share = sign * weight[one].sum() / mass / scale
        for side, which in ((1, one), (-1, other)):
            w = weight[which] / weight[which].sum()
            mean = w @ change[which]
            effect += share * side * mean
            psi[which] += share * side * w * (change[which] - mean)
    return effect, psi


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("options", [{}, {"changes": "every_change"}, {"normalised": True}])
def test_equals_firm_by_firm_formulas(options: dict, missing: float) -> None:
    table = frame(missing=missing)
    weight = 0.5 + np.arange(table["firm"].nunique()) % 3
    found = ek.estimate(sample(table, weight), "switching", **options)
    expected = twin(table, weight, instant="changes" in options, normalised="normalised" in options)
    assert found.table["event_time"].tolist() == list(expected)
    psi = np.stack([own for _, own in expected.values()], axis=1)
    few = found.table["std_error"].isna().to_numpy()
    np.testing.assert_allclose(found.table["estimate"], [effect for effect, _ in expected.values()], atol=TWIN)
    np.testing.assert_allclose(found.vcov[~few][:, ~few], (psi.T @ psi)[~few][:, ~few], atol=TWIN)


def test_lasting_support_is_group_time_against_the_not_yet_treated() -> None:
    table = twins.frame(n=300, seed=3)
    gone = np.random.default_rng(1).random(len(table)) < 0.1
    lasts = (table["g"] > 0) & (table["year"] >= table["g"])
    table = table.assign(award=lasts.astype(float), y=table["y"].mask(gone))
    s = sample(table)
    mine = ek.estimate(s, "switching").table.set_index("event_time")
    cells = ek.estimate(s, "group_time", comparison="not_yet_treated").table
    for event in (0, 1, 2, 3):
        own = cells[cells["event_time"] == event]
        mean = np.average(own["estimate"].astype(float), weights=own["n_treated"].astype(float))
        assert mine.loc[event, "estimate"] == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("switchers", ["joiners", "leavers"])
def test_lasting_status_is_the_first_change_with_outcomes_after_a_break_unknown(switchers: str) -> None:
    """Effects alone: the placebos of the other have firms that break later."""
    table = frame()
    wide = table.pivot_table(index="firm", columns="year", values="award").to_numpy() > 0
    changed = wide != wide[:, :1]
    broken = np.maximum.accumulate(changed, axis=1) & ~changed
    broken = np.maximum.accumulate(broken, axis=1)
    assert broken.any()
    censored = table.assign(y=table["y"].mask(broken.ravel()))
    found = ek.estimate(sample(table), "switching", switchers=switchers, lasting=True).table
    other = ek.estimate(sample(censored), "switching", switchers=switchers).table
    found, other = (t[t["event_time"] >= 0].reset_index(drop=True) for t in (found, other))
    assert found["event_time"].tolist() == other["event_time"].tolist()
    assert found["n_treated"].tolist() == other["n_treated"].tolist()
    np.testing.assert_allclose(found["estimate"], other["estimate"], atol=SAME)
    np.testing.assert_allclose(found["std_error"], other["std_error"], atol=SAME)


def test_lasting_support_has_its_own_effect_where_support_lapses() -> None:
    """An effect of a year of support that is gone without it: breaks pull the plain path down and not this one."""
    table = frame(n=3000, noise=0.1, effect=1.0)
    plain, lasting = (
        ek.estimate(sample(table), "switching", switchers="joiners", lasting=asked).table.set_index("event_time")
        for asked in (False, True)
    )
    np.testing.assert_allclose(lasting.loc[0:, "estimate"], 1.0, atol=5 * lasting.loc[0:, "std_error"].max())
    assert (plain.loc[1:4, "estimate"] < 0.9).all()


@pytest.mark.parametrize("switchers", ["all", "joiners", "leavers"])
@pytest.mark.parametrize("changes", ["first_change", "every_change"])
def test_planted_effects_are_found_in_both_directions(changes: str, switchers: str) -> None:
    table = frame(noise=0.0)
    kept = table[table["firm"].str[1:].astype(int) % 6 != 5]
    found = ek.estimate(sample(kept), "switching", changes=changes, switchers=switchers).table
    after = (found["event_time"] >= 0).to_numpy(dtype=bool)
    np.testing.assert_allclose(found.loc[after, "estimate"], 0.5, atol=TWIN)
    np.testing.assert_allclose(found.loc[~after, "estimate"], 0.0, atol=TWIN)


def test_leads_and_lags_are_those_asked_for() -> None:
    found = ek.estimate(sample(frame()), "switching", leads=1, lags=2).table
    assert found["event_time"].tolist() == [-2, 0, 1, 2]


def test_anticipation_moves_the_reference_back() -> None:
    table = frame(noise=0.0)
    panel = dataclasses.replace(twins.panel(table, award="award"), anticipation=1)
    found = ek.estimate(twins.sample(panel), "switching").table
    times = found["event_time"].tolist()
    assert -1 in times
    assert -2 not in times
    assert (
        found.loc[found["event_time"] == 0, "n_control"] < found.loc[found["event_time"] == -1, "n_control"].max()
    ).all()


def test_equals_diff_diff() -> None:
    """Its standard errors centre the influence by cohort of switching, which leaves a little less than by cell."""
    diff_diff = pytest.importorskip("diff_diff", reason="the extra 'parity' is not installed")
    table = frame().assign(on=lambda t: (t["award"] > 0).astype(float))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = diff_diff.ChaisemartinDHaultfoeuille(drop_larger_lower=False).fit(
            table, outcome="y", group="firm", time="year", treatment="on", L_max=3
        )
    mine = ek.estimate(sample(table), "switching").table.set_index("event_time")
    each = ek.estimate(sample(table), "switching", normalised=True).table.set_index("event_time")
    error_within = 0.05
    for l in (1, 2, 3):  # noqa: E741 - the paper's letter
        known = other.event_study_effects[l]
        assert mine.loc[l - 1, "estimate"] == pytest.approx(known["effect"], abs=SAME)
        assert mine.loc[l - 1, "std_error"] == pytest.approx(known["se"], rel=error_within)
        assert each.loc[l - 1, "estimate"] == pytest.approx(other.normalized_effects[l]["effect"], abs=SAME)
        back = other.placebo_event_study[-l]["effect"]
        if np.isfinite(back):
            assert mine.loc[-1 - l, "estimate"] == pytest.approx(back, abs=SAME)


def test_awards_of_unknown_amount_count() -> None:
    table = frame()
    unknown = table.assign(award=table["award"].mask((table["award"] > 0) & (table["year"] == 2014)))
    pd.testing.assert_frame_equal(
        ek.estimate(sample(unknown), "switching").table, ek.estimate(sample(table), "switching").table
    )


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    table = frame()
    with pytest.raises(StudyError, match="E_OPTION"):
        ek.estimate(twins.sample(twins.panel(table)), "switching")
    with pytest.raises(DesignError, match="E_NO_CONTROL"):
        ek.estimate(sample(table[table["firm"].str[1:].astype(int) % 6 < 3]), "switching")
    panel = dataclasses.replace(twins.panel(table, award="award"), anticipation=1)
    with pytest.raises(StudyError, match="E_OPTION"):
        ek.estimate(twins.sample(panel), "switching", changes="every_change")
    with pytest.raises(StudyError, match="E_OPTION"):
        ek.estimate(sample(table), "switching", changes="every_change", lasting=True)
    monkeypatch.setattr("evalkit.engine.statuses.MOST_PATHS", 20)
    with pytest.raises(EstimationError, match="E_TOO_LARGE"):
        ek.estimate(sample(table), "switching", changes="every_change")
    assert len(ek.estimate(sample(table), "switching").table) > 3
