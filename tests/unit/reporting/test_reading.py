"""What is said is bound to the interval."""

import re

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
import reports
from evalkit.reporting.headline import headline
from evalkit.reporting.reading import reading
from evalkit.reporting.release import release

RAISED = re.compile(r"higher|lower|increas|decreas|rais|reduc|高かった|低かった|増加|減少|上昇|低下")


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (0.05, 0.01, 0.09, "positive"),
        (-0.05, -0.09, -0.01, "negative"),
        (0.05, -0.01, 0.11, "null"),
        (-0.05, -0.11, 0.01, "null"),
        (0.05, 0.0, 0.10, "null"),
        (-0.05, -0.10, 0.0, "null"),
        (0.0, 0.0, 0.0, "null"),
        (0.05, None, None, "no_interval"),
        (None, None, None, "unknown"),
    ],
)
def test_reading(estimate, low, high, expected):
    assert reading(estimate, low, high) == expected


def _headline(language, size, checks=None, error=None, cohorts=reports.COHORTS):
    asked = reports.study()
    sizes = {"sales": size, "hours": 0.0, "exit": 0.0, "assets": 0.0}
    made = reports.effects(asked, sizes, cohorts)
    return headline(release(reports.evaluation(effects=(made,), checks=checks or reports.checks())), language)


@pytest.mark.parametrize(
    ("size", "en", "ja"),
    [
        (0.05, "higher in supported firms", "高かった"),
        (-0.05, "lower in supported firms", "低かった"),
        (0.001, "cannot be said to differ from zero", "正又は負の効果があるとは言い切れない"),
        (-0.001, "cannot be said to differ from zero", "正又は負の効果があるとは言い切れない"),
    ],
)
def test_the_headline_follows_the_interval(size, en, ja):
    for language, expected in (("en", en), ("ja", ja)):
        text = _headline(language, size)
        assert expected in text
        assert bool(RAISED.search(text)) is (abs(size) > 0.01)


def test_a_null_says_what_would_have_been_found():
    """A test at 5 % finds the effect that is named in four of five samples of its standard error."""
    asked = reports.study()
    made = reports.effects(asked, {"sales": 0.001})
    shown = release(reports.evaluation(effects=(made,)))
    row = next(r for r in shown.tables["effects/group_time/overall"] if r.labels["outcome"] == "sales")
    least = np.log1p(shown.value(row, "percent_detectable") / 100)
    error = ek.aggregate(made).table.set_index("outcome").loc["sales", "std_error"]
    found = np.abs(np.random.default_rng(1).normal(least, error, 1_000_000)) > stats.norm.isf(0.025) * error
    assert found.mean() == pytest.approx(0.8, abs=4 * np.sqrt(0.16 / 1_000_000))
    told = f"{shown.value(row, 'percent_detectable'):.2f}%"
    for language, says in (("en", f"four times in five is {told}"), ("ja", f"検出できる最小の効果は{told}")):
        assert says in headline(shown, language)


@pytest.mark.parametrize("checks", [reports.checks("fail", 0.01), reports.checks("warn", 0.01)])
def test_no_effect_is_stated_when_the_groups_moved_apart_before(checks):
    assert "no effect is stated" in _headline("en", 0.05, checks)
    japanese = _headline("ja", 0.05, checks)
    assert "効果は示さない" in japanese
    assert not RAISED.search(japanese)
    assert not re.search(r"\d", japanese)


def test_hidden_effects_are_not_worded():
    assert "hidden" in _headline("en", 0.05, cohorts={2018: 5})
    assert "秘匿" in _headline("ja", 0.05, cohorts={2018: 5})
