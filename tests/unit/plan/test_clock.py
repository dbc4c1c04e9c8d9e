"""Times are UTC to the second, from an argument, the environment or the clock."""

import re

import pytest

from evalkit.errors import StudyError
from evalkit.plan.clock import time_of


@pytest.mark.parametrize(("given", "told"), [
    ("2026-04-01T09:00:00+09:00", "2026-04-01T00:00:00Z"), ("2026-04-01T09:00", "2026-04-01T09:00:00Z"),
    ("2026-04-01", "2026-04-01T00:00:00Z"),
])  # fmt: skip
def test_a_given_time(given: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert time_of(given) == told


def test_the_environment_comes_before_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    assert time_of() == "2026-01-01T00:00:00Z"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", time_of())
    assert time_of() > "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", ""])
def test_no_time(given: str) -> None:
    with pytest.raises(StudyError) as refused:
        time_of(given)
    assert refused.value.code == "E_TIME"


def test_no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(StudyError, match="SOURCE_DATE_EPOCH"):
        time_of()
