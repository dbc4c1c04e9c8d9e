"""Five studies through the whole product, from their files to the page: what a reader is told, as texts to be read.

The texts stand in `verdicts/`. A change of them is a change of what readers are told: read it, then write them anew
with `EVALKIT_WRITE_VERDICTS=1 pytest tests/golden/test_verdicts.py`.
"""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import binom

import evalkit as ek
import spoilt_studies
from evalkit.reporting.words import words

TEXTS = Path(__file__).parent / "verdicts"
MORE = {"digits": spoilt_studies.REPAIR}
EXPECTED = {
    "pretrend": ("pretrends", "fail", 2),
    "contamination": ("co_treatment", "fail", 2),
    "leaving": ("attrition", "fail", 2),
    "digits": ("balance", "pass", 3),
    "no_effect": ("pretrends", "pass", 3),
}
"""Of each study: the check that matters with its verdict, and the level."""
CAUSE = {"en": ("would have been without", "caus"), "ja": ("支援がなかった場合", "支援による")}
"""What can name the award as a cause."""
DENIED = {"en": "That the award is the cause is not shown.", "ja": "この差が支援によるものであることは示されていない。"}
NULL = {"en": "the effect cannot be said to differ from zero", "ja": "正又は負の効果があるとは言い切れない"}
SEEDS, MOST_OF_THEM = range(101, 121), 19
FEWEST_NULLS = int(binom.ppf(0.001, len(SEEDS), 0.95))
"""Intervals of 95 % that must hold zero: fewer come about by chance in one of a thousand runs."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoilt")


@pytest.fixture
def released(folders: Path, cli: Callable[..., Any], name: str) -> Path:
    """Run a study once by the command line; return the folder of its release."""
    folder = folders / name
    if not folder.exists():
        study = spoilt_studies.write(folder, spoilt_studies.SPOILERS[name], more=MORE.get(name, ""))
        assert cli("run", study, "--root", folder, "--out", folder / "out").code == 0
    return folder / "out" / "spoilt" / "release"


def told(report: str, language: str) -> str:
    """Return what a report says at its top, in its summary and on its grade, and what it counted of units."""
    say = words(language)
    top = report[: report.index(f"## {say['sections.status']}\n")]
    lines = [line for line in top.splitlines() if say["title.fingerprint"] not in line]
    parts = re.split(r"(?m)^(?=#{2,3} )", report)
    graded = next(part for part in parts if part.startswith(f"### {say['grade.title']}\n"))
    slips = [line for line in report.splitlines() if line.startswith(f"| {say['steps.units']}")]
    return "\n".join([*lines, graded.strip(), *(["", *slips] if slips else [])]) + "\n"


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_reader_is_told(name: str, language: str, released: Path) -> None:
    text = told((released / f"report.{language}.md").read_text(encoding="utf-8"), language)
    golden = TEXTS / f"{name}.{language}.md"
    if os.environ.get("EVALKIT_WRITE_VERDICTS"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict_and_grade(name: str, released: Path) -> None:
    check, verdict, level = EXPECTED[name]
    found = json.loads((released.parent / "checks" / "checks.json").read_text(encoding="utf-8"))
    assert [c["verdict"] for c in found if c["name"] == check] == [verdict]
    numbers = json.loads((released / "results.json").read_text(encoding="utf-8"))
    assert [n["value"] for n in numbers if n["id"] == "grade.sms"] == [level]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_cause_is_named_only_where_it_may_be(name: str, language: str, released: Path) -> None:
    report = (released / f"report.{language}.md").read_text(encoding="utf-8")
    finding = next(line for line in report.splitlines() if line.startswith("> **"))
    assert (DENIED[language] in finding) == (name in ("contamination", "leaving"))
    assert any(word in finding.replace(DENIED[language], "") for word in CAUSE[language]) == (name == "digits")
    assert bool(re.search(r"\d", finding)) == (name != "pretrend")
    assert (NULL[language] in finding) == (name == "no_effect")


def test_slips_of_units_are_counted_and_taken_back_to_the_last_yen(tmp_path: Path) -> None:
    spoilt = spoilt_studies.write(tmp_path / "spoilt", spoilt_studies.digits, more=spoilt_studies.REPAIR)
    clean = spoilt_studies.write(tmp_path / "clean")
    found, wanted = (ek.build(ek.load_study(path), path.parent) for path in (spoilt, clean))
    pd.testing.assert_frame_equal(found.to_frame(), wanted.to_frame(), check_exact=True)
    files = [(path.parent / "firm_years.csv").read_text(encoding="utf-8").splitlines() for path in (spoilt, clean)]
    n_spoilt = sum(a != b for a, b in zip(*files, strict=True))
    assert [s.reason for s in found.flow.steps if s.step == "units: sales"] == [f"divided by 1000: {n_spoilt}"]


def test_a_whole_year_in_another_unit_stops_the_study(tmp_path: Path, cli: Callable[..., Any]) -> None:
    def year(firms: spoilt_studies.Firms) -> None:
        firms.sales[:, 4] /= spoilt_studies.THOUSAND

    study = spoilt_studies.write(tmp_path, year, more=spoilt_studies.REPAIR)
    answer = cli("run", study, "--root", tmp_path, "--out", tmp_path / "out")
    assert (answer.code, "E_UNIT_JUMP" in answer.err) == (3, True)
    assert not list((tmp_path / "out").rglob("report.*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_other_firms_get_the_same_verdict(name: str, tmp_path: Path) -> None:
    check, verdict, _ = EXPECTED[name]
    n_same, n_null = 0, 0
    for seed in SEEDS:
        path = spoilt_studies.write(tmp_path, spoilt_studies.SPOILERS[name], seed, MORE.get(name, ""))
        asked = ek.load_study(path)
        found = ek.evaluate(asked, tmp_path)
        n_same += [c.verdict for c in found.checks if c.name == check] == [verdict]
        row = ek.aggregate(found.effects[0]).table.iloc[0]
        n_null += row["conf_low"] <= 0 <= row["conf_high"]
    if name == "no_effect":
        assert n_null >= FEWEST_NULLS
    else:
        assert n_same >= MOST_OF_THEM
