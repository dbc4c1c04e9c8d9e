"""What every check must do. A new file in `evalkit/checks` is tested by being there."""

import dataclasses
from pathlib import Path

import pytest

import evalkit as ek
import firms
from evalkit import methods
from evalkit.model.check import CheckResult, load_checks, save_checks

CHECKS = methods.names("checks")


@pytest.fixture(params=CHECKS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["none", "exact", "nearest"])
def sample(request: pytest.FixtureRequest) -> ek.MatchedSample:
    return ek.match(firms.panel(firms.frame(300)), request.param)


def ask(name: str, sample: ek.MatchedSample) -> CheckResult:
    return ek.check(sample, [ek.estimate(sample, m) for m in ("group_time", "event_study")], name)


def expect_good_result(result: CheckResult, name: str) -> None:
    assert result.name == name
    assert result.question.endswith("?")
    assert result.verdict in ("pass", "warn", "fail", "info")
    assert result.sentence.endswith(".")
    assert "nan" not in result.sentence
    assert isinstance(result.values["case"], str)
    assert (result.statistic is None) == (result.verdict == "info")
    assert len(result.rows) <= 500
    assert len({tuple(row) for row in result.rows}) <= 1


def test_result_is_good_and_survives_saving(name: str, sample: ek.MatchedSample, tmp_path: Path) -> None:
    result = ask(name, sample)
    expect_good_result(result, name)
    save_checks(tmp_path / "checks.json", (result,))
    (back,) = load_checks(tmp_path / "checks.json")
    assert dataclasses.asdict(back) == dataclasses.asdict(result)


def test_no_firm_is_named(name: str, sample: ek.MatchedSample) -> None:
    result = ask(name, sample)
    assert "F00" not in f"{result.sentence}{result.values}{result.rows}"


def test_repetition_and_row_order_do_not_change_it(name: str) -> None:
    first, second = (ask(name, ek.match(firms.panel(firms.frame(), shuffle=s), "nearest")) for s in (None, 4))
    assert (first.sentence, repr(first.values), repr(first.rows)) == (
        second.sentence, repr(second.values), repr(second.rows),
    )  # fmt: skip


def test_a_bare_panel_is_no_reason_to_break(name: str) -> None:
    expect_good_result(ek.check(ek.match(firms.panel(firms.frame(60), ())), (), name), name)


def test_options_are_described(name: str) -> None:
    about = methods.describe("checks", name)
    assert about.summary.endswith(".")
    assert about.reference
    assert all(option.text for option in about.options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("balance", {"warn_above": 0.3}),
        ("balance", {"warn_above": 0.0}),
        ("overlap", {"fail_above": 1.5}),
        ("overlap", {"smallest_bin": 0}),
        ("pretrends", {"alpha": 0.0}),
    ],
)
def test_impossible_options_are_refused(name: str, options: dict) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        methods.build("checks", name, options)
    assert caught.value.code == "E_OPTION"
