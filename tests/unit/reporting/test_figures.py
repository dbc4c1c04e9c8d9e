"""Figures for notebooks and reports."""

import warnings
from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import evalkit as ek
import firms
import reports
from evalkit.errors import ResourceError, UnknownNameError
from evalkit.reporting.figures import style
from evalkit.reporting.figures.prefectures import PLACES, SHORT, prefecture_code
from evalkit.reporting.points import love_points, path_points
from evalkit.reporting.words import words


def _all(language):
    made = reports.evaluation()
    balance, overlap, _ = made.checks
    return [
        ek.figures.event_study(made.effects[0], language=language),
        ek.figures.love_plot(balance, language),
        ek.figures.overlap(overlap, language),
        ek.figures.flow(made.flow, language),
        ek.figures.qq(_balance(), "growth", language),
        ek.figures.covariate_path(_path(), language=language),
        ek.figures.cohort_year(made.effects[0], language=language),
        ek.figures.bacon(_check("bacon"), language),
        ek.figures.honest_did(_check("honest_did"), language),
        ek.figures.forest(_doses(), language=language),
        ek.figures.dose_response(_doses(), language=language),
        ek.figures.dose_response(_doses(form="curve"), language=language),
        ek.figures.tile_map({"東京都": 3.0, "Osaka": -1.0, "01": None}, "x", language, is_signed=True),
    ]


def _balance():
    return ek.check(ek.match(firms.panel(firms.frame(600)), "entropy"), (), "balance")


def _path():
    return ek.check(ek.match(firms.panel(firms.frame(600)), "entropy"), (), "covariate_path")


@cache
def _sample():
    """400 firms over eight years, two cohorts, amounts of five sizes."""
    rng, n, years = np.random.default_rng(5), 400, np.arange(2011, 2019)
    g = np.where(np.arange(n) % 4 == 0, 2015, np.where(np.arange(n) % 4 == 1, 2016, 0))
    amount = np.where(g > 0, rng.choice([1.0, 2.0, 3.0, 5.0, 8.0], n), np.nan)
    y = rng.normal(0, 1, (n, 1)) + rng.normal(0, 0.3, (n, len(years)))
    y += ((g[:, None] > 0) & (years >= g[:, None])) * (1 + 0.1 * np.nan_to_num(amount)[:, None])
    long = pd.DataFrame({
        "firm": np.repeat(np.arange(n), len(years)), "year": np.tile(years, n), "y": y.ravel(),
        "g": np.repeat(g, len(years)), "amount": np.repeat(amount, len(years)),
    })  # fmt: skip
    panel = ek.Panel.from_frame(long, firm="firm", year="year", cohort="g", outcomes=["y"], dose="amount")
    return ek.match(panel)


@cache
def _check(name):
    return ek.check(_sample(), [ek.estimate(_sample(), "group_time")], name)


def _doses(**options):
    return ek.estimate(_sample(), "dose", **options)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_is_a_figure_whose_letters_all_exist(language):
    before = dict(mpl.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in _all(language):
            assert isinstance(figure, Figure)
            assert style.to_svg(figure, "x").startswith("<?xml")
            assert figure._repr_png_()[:4] == b"\x89PNG"
    assert dict(mpl.rcParams) == before


def test_the_users_own_settings_change_nothing():
    figure = ek.figures.event_study(reports.evaluation().effects[0])
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.fonttype": "none", "savefig.dpi": 30}):
        again = ek.figures.event_study(reports.evaluation().effects[0])
        assert style.to_svg(again, "x") == style.to_svg(figure, "x")


def test_a_character_without_a_glyph_is_an_error():
    with style.style("ja"):
        figure, axes = style.figure(2)
        axes.set_title("\U00020bb7")
    with pytest.raises(ResourceError, match="E_FONT"):
        style.to_png(figure)


def test_a_missing_font_is_an_error(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    style._japanese_font.cache_clear()
    try:
        with pytest.raises(ResourceError, match="E_FONT"), style.style("en"):
            pass
    finally:
        style._japanese_font.cache_clear()


def test_formulas_in_labels_are_text():
    with style.style("en"):
        figure, axes = style.figure(2)
        axes.set_title("$10 and $20")
    assert style.to_png(figure)


def test_an_unknown_outcome_is_named():
    with pytest.raises(UnknownNameError, match="did you mean 'sales'"):
        ek.figures.event_study(reports.evaluation().effects[0], "salse")


def test_points_keep_hidden_ends_unknown():
    row = {"event_time": 1, "percent": 2.0, "percent_low": None, "percent_high": float("nan")}
    (point,) = path_points([row, {"event_time": 2, "percent": None}], "percent")
    assert point == {
        "event_time": 1, "estimate": 2.0, "low": None, "high": None, "band_low": None, "band_high": None,
    }  # fmt: skip


def test_large_categories_have_one_line_for_their_largest_difference():
    rows = [{"covariate": "industry", "level": str(i), "smd_before": 0.1 * i, "smd_after": -0.01 * i} for i in range(5)]
    (line,) = love_points(rows, words("en"))
    assert line == {"label": "Industry (largest of 5 groups)", "before": 0.4, "after": -0.04}


def test_dots_of_quantiles_lie_at_the_values_of_the_check():
    balance = _balance()
    (axes,) = ek.figures.qq(balance).axes
    wanted = [row for row in balance.values["quantiles"] if row["covariate"] == "size"]
    before, after, _ = axes.lines
    assert list(after.get_xdata()) == [row["control"] for row in wanted]
    assert list(before.get_ydata()) == [row["treated_before"] for row in wanted]


def test_paths_are_drawn_in_order_of_event_time():
    path = _path()
    (axes,) = ek.figures.covariate_path(path, "y").axes
    treated, control = axes.lines
    assert list(treated.get_xdata()) == [-2, -1]
    assert list(control.get_ydata()) == [row["mean_control"] for row in path.rows]


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(UnknownNameError, match="did you mean 'size'"):
        ek.figures.qq(_balance(), "sise")
    with pytest.raises(UnknownNameError, match="nothing to draw"):
        ek.figures.covariate_path(_path(), "z")


def test_bounds_are_drawn_for_each_drift_in_order():
    check = _check("honest_did")
    (axes,) = ek.figures.honest_did(check).axes
    (lines,) = [c for c in axes.collections if len(c.get_segments()) == len(check.rows)]
    ends = [(low, high) for (_, low), (_, high) in lines.get_segments()]
    assert ends == [(row["conf_low"], row["conf_high"]) for row in check.rows]


def test_every_comparison_has_its_mark():
    check = _check("bacon")
    (axes,) = ek.figures.bacon(check).axes
    drawn = {(x, y) for line in axes.lines[2:] for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}
    assert drawn == {(100 * row["share"], row["estimate"]) for row in check.rows}
    assert sum(row["share"] * row["estimate"] for row in check.rows) == pytest.approx(axes.lines[1].get_ydata()[0])


def test_each_cell_of_cohort_and_year_has_a_tile_with_its_effect():
    effects = ek.estimate(_sample(), "group_time")
    (axes,) = ek.figures.cohort_year(effects).axes
    told = {(text.get_position(), text.get_text().replace("\N{MINUS SIGN}", "-")) for text in axes.texts}
    cells = effects.table
    assert told == {
        ((year, (2015, 2016).index(cohort)), f"{estimate:.1f}")
        for cohort, year, estimate in cells[["cohort", "year", "estimate"]].itertuples(index=False)
    }


def test_amounts_stand_in_order_on_the_curve():
    effects = _doses(form="curve")
    (axes,) = ek.figures.dose_response(effects).axes
    x = axes.lines[1].get_xdata()
    assert list(x) == sorted(x)
    assert len(x) == effects.table["group"].nunique()


def test_the_map_has_each_prefecture_once():
    assert sorted(PLACES) == [f"{code:02d}" for code in range(1, 48)]
    assert len(set(PLACES.values())) == 47
    assert all(len(set(SHORT[language].values())) == 47 for language in SHORT)


@pytest.mark.parametrize(
    ("text", "code"), [("京都府", "26"), ("東京都", "13"), ("tokyo", "13"), ("7", "07"), ("北海道", "01")]
)
def test_prefectures_are_known_by_name_and_code(text, code):
    assert prefecture_code(text) == code


def test_the_map_refuses_what_is_no_prefecture():
    with pytest.raises(UnknownNameError, match="中野区"):
        ek.figures.tile_map({"中野区": 1.0}, "x")


def test_estimates_without_the_parts_asked_for_are_refused():
    effects = ek.estimate(_sample(), "event_study")
    with pytest.raises(UnknownNameError, match="by cohort and year"):
        ek.figures.cohort_year(effects)
    with pytest.raises(UnknownNameError, match="by group"):
        ek.figures.forest(effects)
