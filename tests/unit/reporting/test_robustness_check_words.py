"""Every sentence of the checks of robustness can be said in both languages, and a report with them is made."""

import string
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import evalkit as ek
import small_study
import twins
from evalkit.model.check import CheckResult
from evalkit.reporting.words import words

CHECKS = ("aa_splits", "leave_one_out", "oster", "placebo_dates")


@cache
def told() -> list[CheckResult]:
    """Ask every check of samples that bring out most of what it can say."""
    long = twins.frame(240, periods=7)
    number = long["firm"].str[1:].astype(int)
    after = (long["g"] > 0) & (long["year"] >= long["g"])
    rng = np.random.default_rng(1)
    size = (long["g"] > 0) * 1.0 + rng.normal(size=240)[number]
    long = long.assign(size=size, town="T" + (number % 12).astype(str), y=long["y"] + (long["year"] >= 2013) * size)
    drifting = long.assign(y=long["y"] + (long["g"] > 0) * (long["year"] - 2011) * 0.5)
    heavy = long.assign(y=np.exp(3 * rng.normal(size=240))[number] * np.exp(rng.normal(size=len(long))))
    moved = [long, drifting, heavy, *(long.assign(y=long["y"] + by * after) for by in (-4.0, -0.9, 2.0))]
    samples = [twins.sample(twins.panel(t, covariates=["size"])) for t in moved]
    samples += [twins.sample(twins.panel(t, clusters=["town"])) for t in (long, drifting)]
    found = []
    for sample in samples:
        effects = [ek.estimate(sample, "group_time")]
        found += [ek.check(sample, given, check) for check in CHECKS for given in (effects, ())]
    return found


def test_sentences_need_nothing_that_a_check_does_not_tell() -> None:
    seen = set()
    for result in told():
        text = words("en")[f"method.checks.{result.name}.sentence.{result.values['case']}"]
        fields = {field for _, field, *_ in string.Formatter().parse(text) if field}
        assert fields <= set(result.values), (result.name, result.values["case"])
        seen.add((result.name, result.values["case"]))
    assert {check for check, _ in seen} == set(CHECKS)
    assert seen >= {
        ("aa_splits", "pass"), ("aa_splits", "fail"), ("aa_splits", "pass_clusters"), ("oster", "strong"),
        ("oster", "opposite"), ("oster", "no_covariates"), ("placebo_dates", "fail"), ("placebo_dates", "no_estimate"),
        ("leave_one_out", "pass"), ("leave_one_out", "too_few"),
    }  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
def test_every_case_in_words_is_one_of_the_check(check: str) -> None:
    code = (Path(ek.__file__).parent / "checks" / f"{check}.py").read_text("utf-8")
    for case in words("en").entries["method"]["checks"][check]["sentence"]:
        assert f'"{case.removesuffix("_clusters")}"' in code, case


@pytest.mark.parametrize("check", CHECKS)
def test_every_column_of_a_check_has_a_title(check: str) -> None:
    columns = {key for result in told() if result.name == check for row in result.rows for key in row}
    assert columns
    assert columns <= set(words("ja").entries["check_columns"])


def test_a_report_with_all_of_them(tmp_path: Path) -> None:
    def study(text: str) -> str:
        listed = "".join(f'[[check]]\nmethod = "{name}"\n' for name in CHECKS)
        return text.replace('[[check]]\nmethod = "pretrends"\n', listed).replace('["en"]', '["en", "ja"]')

    path = small_study.write(tmp_path, study=study)
    released = ek.release(ek.evaluate(ek.load_study(path), tmp_path))
    assert np.isfinite([n.value for n in released.numbers.values() if isinstance(n.value, float)]).all()
    for file in ek.report(released, tmp_path / "out"):
        if file.suffix == ".html":
            page = file.read_text("utf-8")
            language = words("ja" if ".ja." in file.name else "en")
            assert all(language[f"method.checks.{name}.title"] in page for name in CHECKS)
            assert not any(f"{{{field}}}" in page for field in ("outcome", "p_value", "draws", "selection", "dates"))
