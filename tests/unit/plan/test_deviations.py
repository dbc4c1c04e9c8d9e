"""Every field that differs is named, and none that does not."""

from evalkit.model.plan import Deviation
from evalkit.plan.deviations import differences

PLANNED = {
    "study": {"seed": 7, "estimate": [{"method": "a", "base": "varying"}], "languages": ["en", "ja"], "check": []},
    "code": "1", "versions": {"numpy": "2.0"}, "schema": {"awards": {"amount": "number"}}, "files": {"a.csv": "x"},
    "time": "then",
}  # fmt: skip


def test_nothing_differs() -> None:
    assert differences(PLANNED, {**PLANNED, "time": "now"}, {}) == []


def test_composed_and_decomposed_characters_are_the_same() -> None:
    one, two = ({"files": {f"{name}.csv": name}} for name in ("\u304c", "\u304b\u3099"))
    assert differences(one, two, {}) == []


def test_fields_by_their_path() -> None:
    found = {
        **PLANNED,
        "study": {
            "seed": 8, "estimate": [{"method": "a"}, {"method": "b"}], "languages": ["ja"], "check": [{"method": "c"}],
        },
        "files": {"b.csv": "x"},
    }  # fmt: skip
    assert differences(PLANNED, found, {"study.seed": "why", "elsewhere": "no"}) == [
        Deviation("files.a.csv", '"x"', ""),
        Deviation("files.b.csv", "", '"x"'),
        Deviation("study.check", "[]", ""),
        Deviation("study.check[1].method", "", '"c"'),
        Deviation("study.estimate[1].base", '"varying"', ""),
        Deviation("study.estimate[2].method", "", '"b"'),
        Deviation("study.languages", '["en", "ja"]', '["ja"]'),
        Deviation("study.seed", "7", "8", "why"),
    ]


def test_zero_false_and_empty_text_are_values() -> None:
    """An equal comparison of Python would take 1 for true."""
    found = differences({"study": {"a": 1, "b": "", "c": 0}}, {"study": {"a": True, "c": 0.0}}, {})
    assert [(d.field, d.planned, d.found) for d in found] == [
        ("study.a", "1", "true"), ("study.b", '""', ""), ("study.c", "0", "0.0"),
    ]  # fmt: skip
