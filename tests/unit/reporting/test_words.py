"""Both languages say the same things."""

import re
import string

import pytest

from evalkit import methods
from evalkit.model.study import Outcome
from evalkit.reporting.words import _merge, words

METHODS = [
    ("matching", "none"), ("matching", "exact"), ("matching", "nearest"), ("matching", "entropy"),
    ("matching", "cbps"), ("matching", "ipw"), ("matching", "coarsened"), ("matching", "subclass"),
    ("matching", "optimal"), ("matching", "full"),
    ("estimation", "event_study"),
    ("estimation", "group_time"), ("checks", "balance"), ("checks", "overlap"), ("checks", "pretrends"),
]  # fmt: skip


def _texts(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{prefix}{key}|")
        else:
            yield f"{prefix}{key}", value


def test_same_keys_in_the_same_order():
    assert [k for k, _ in _texts(words("en").entries)] == [k for k, _ in _texts(words("ja").entries)]


def test_no_key_stands_in_two_parts():
    entries = {"page": {"lead": "a"}}
    with pytest.raises(KeyError, match=r"more\.en\.toml: page: lead stands in two parts"):
        _merge(entries, {"page": {"lead": "b"}}, "more.en.toml")
    _merge(entries, {"page": {"tail": "c"}}, "more.en.toml")
    assert entries == {"page": {"lead": "a", "tail": "c"}}


def test_same_fields_in_both_languages():
    japanese = dict(_texts(words("ja").entries))
    for key, text in _texts(words("en").entries):
        fields = [{f for _, f, *_ in string.Formatter().parse(t) if f} for t in (text, japanese[key])]
        assert fields[0] == fields[1], key


def test_no_text_is_empty_and_japanese_is_japanese():
    for key, text in _texts(words("ja").entries):
        assert text.strip(), key
        is_sign = key.split("|")[0] in ("page", "units") or key in (
            "title|period_range", "question|among", "scale_of|asinh"
        )  # fmt: skip
        assert is_sign or re.search(r"[ぁ-んァ-ヶ一-龠]", text), key


@pytest.mark.parametrize(("kind", "name"), METHODS)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_method_that_ships_has_words(kind, name, language):
    assert name in methods.names(kind)
    assert words(language)[f"method.{kind}.{name}.title"]
    assert words(language)[f"method.{kind}.{name}.summary"]
    for option in methods.describe(kind, name).options:
        assert words(language)[f"options.{option.name}"]


def test_every_case_of_the_checks_has_a_sentence():
    cases = {
        "balance": ("pass", "warn", "fail", "no_covariates", "no_groups", "no_values"),
        "overlap": ("pass", "warn", "fail", "no_score"),
        "pretrends": ("pass", "warn", "fail", "no_pre_period"),
    }
    for check, keys in cases.items():
        for case in keys:
            assert words("ja")[f"method.checks.{check}.sentence.{case}"]


def test_a_missing_key_is_a_defect():
    with pytest.raises(KeyError):
        words("en")["no.such.key"]


def test_columns_are_labelled_by_their_scale():
    assert words("en").column("log_employees") == "Employees (log)"
    assert words("ja").column("sales_growth") == "売上高（伸び率）"
    assert words("ja").column("unheard_of") == "unheard_of"


def test_an_outcome_is_labelled_by_the_study_first_and_in_the_readers_language():
    outcome = Outcome(name="sales", label={"ja": "売上"})
    assert (words("ja").outcome(outcome), words("en").outcome(outcome)) == ("売上", "Sales")
    other = Outcome(name="scrap", label={"ja": "不良"})
    assert (words("ja").outcome(other), words("en").outcome(other)) == ("不良", "不良")
    assert words("en").outcome(Outcome(name="scrap")) == "scrap"


def test_the_second_estimate_of_a_method_is_numbered():
    assert words("en").method_title("estimation", "group_time-2") == "Group-time effects (2)"
    assert words("en").method_title("estimation", "mine") == "mine"
