"""Figures for notebooks and reports."""

import warnings

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

import evalkit as ek
import firms
import reports
from evalkit.errors import ResourceError, UnknownNameError
from evalkit.reporting.figures import style
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
    ]


def _balance():
    return ek.check(ek.match(firms.panel(firms.frame(600)), "entropy"), (), "balance")


def _path():
    return ek.check(ek.match(firms.panel(firms.frame(600)), "entropy"), (), "covariate_path")


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
