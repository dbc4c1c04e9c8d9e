"""Every sentence of the checks of a design can be said in both languages, and a report with all of them is made."""

import dataclasses
import string
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import small_study
import twins
from evalkit.model.check import CheckResult
from evalkit.model.flow import Flow
from evalkit.reporting.words import words

CHECKS = (
    "anticipation", "attrition", "co_treatment", "composition", "few_clusters", "influence", "link_error", "power",
)  # fmt: skip


def cases(check: str) -> set[str]:
    return set(words("en").entries["method"]["checks"][check]["sentence"])


@cache
def told() -> list[CheckResult]:
    """Ask every check of samples and with options that bring out most of what it can say."""
    long = twins.frame(240)
    long["size"] = (long["firm"].str[-2:].astype(int) % 7).astype(float)
    long["town"] = "T" + long["firm"].str[-1]
    is_large = (long["size"] > 3) & (long["g"] > 0) & (long["year"] >= long["g"])
    dipped = long.assign(y=long["y"] - 2.0 * ((long["g"] > 0) & (long["year"] == long["g"] - 1)))
    made = [
        twins.panel(long, covariates=["size"]), twins.panel(long, clusters=["town"], anticipation=1),
        twins.panel(long[~is_large], covariates=["size"]), twins.panel(dipped),
        twins.panel(long[(long["g"] > 0) | (long["firm"] == "never")]),
    ]  # fmt: skip
    mark = pa.array((made[0].cohort == 0).astype(float))
    made.append(dataclasses.replace(made[0], source=made[0].source.append_column("other_award", mark), flow=Flow()))
    options = {
        "link_error": [{}, {"precision": 0.99}, {"precision": 0.85}, {"precision": 0.6}, {"recall": 0.05}],
        "power": [{}, {"effect": 9.0}, {"effect": 0.3}, {"effect": 0.001}],
    }
    found = []
    for panel in made:
        sample = twins.sample(panel)
        try:
            effects = [ek.estimate(sample, "group_time")]
        except ek.EvalkitError:
            effects = []
        for check in CHECKS:
            for given in options.get(check, [{}]):
                found += [ek.check(sample, e, check, **given) for e in (effects, ())]
    return found


def test_sentences_need_nothing_that_a_check_does_not_tell() -> None:
    seen = set()
    for result in told():
        case = result.values["case"]
        text = words("en")[f"method.checks.{result.name}.sentence.{case}"]
        fields = {field for _, field, *_ in string.Formatter().parse(text) if field}
        assert fields <= {*result.values, "characteristic"}, (result.name, case)
        seen.add((result.name, case))
    assert {check for check, _ in seen} == set(CHECKS)
    assert len(seen) >= 25


@pytest.mark.parametrize("check", CHECKS)
def test_every_case_in_words_is_one_of_the_check(check: str) -> None:
    code = (Path(ek.__file__).parent / "checks" / f"{check}.py").read_text("utf-8")
    for case in cases(check):
        shown = case.removesuffix("_hidden")
        stem = shown.removesuffix("_alone") if check == "link_error" else shown.removesuffix("_clusters")
        assert f'"{stem}"' in code, case


@pytest.mark.parametrize("check", CHECKS)
def test_every_column_of_a_check_has_a_title(check: str) -> None:
    columns = {key for result in told() if result.name == check for row in result.rows for key in row}
    assert columns <= set(words("ja").entries["check_columns"]), columns - set(words("ja").entries["check_columns"])


def test_a_report_with_all_of_them(tmp_path: Path) -> None:
    def study(text: str) -> str:
        listed = "".join(f'[[check]]\nmethod = "{name}"\n' for name in CHECKS)
        return text.replace('[[check]]\nmethod = "pretrends"\n', listed).replace('["en"]', '["en", "ja"]')

    path = small_study.write(tmp_path, study=study)
    released = ek.release(ek.evaluate(ek.load_study(path), tmp_path))
    for file in ek.report(released, tmp_path / "out"):
        if file.suffix == ".html":
            page = file.read_text("utf-8")
            language = words("ja" if ".ja." in file.name else "en")
            assert all(language[f"method.checks.{name}.title"] in page for name in CHECKS)
            assert not any(f"{{{field}}}" in page for field in ("outcome", "low", "event_time", "n_treated"))
    assert np.isfinite([n.value for n in released.numbers.values() if isinstance(n.value, float)]).all()
