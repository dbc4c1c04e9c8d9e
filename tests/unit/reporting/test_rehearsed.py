"""A rehearsal in words: every failure in both languages, effects as the report writes them."""

import dataclasses
import math
import re
from pathlib import Path

import pytest

import rehearsals
from evalkit.errors import IntegrityError
from evalkit.model.rehearsal import Failure, FileEstimate, FilesRehearsed, Rehearsal, Rehearsed
from evalkit.reporting.rehearsed import effect, sentence
from evalkit.reporting.words import words

STUDY = rehearsals.study()
ROW = Rehearsed("null", "group_time", "y", 0.0, 0.001, 0.02, 0.05, 1.0, 0.95, 0.05)
SOUND = Rehearsal("made-up", "y", "group_time", 0.05, 0.8, 200, 0.95, (ROW,), {}, {}, ())
SOURCES = sorted((Path(rehearsals.__file__).parents[1] / "evalkit/simulate").glob("*.py"))


def test_a_sound_study_says_its_smallest_effect() -> None:
    assert sentence(SOUND, STUDY, "en").startswith("The study as planned finds an effect on y of 5.1%")
    assert "80% probability" in sentence(SOUND, STUDY, "en")
    assert "5.1%" in sentence(SOUND, STUDY, "ja")
    late = dataclasses.replace(SOUND, after_data=True)
    assert sentence(late, STUDY, "en").endswith(words("en")["rehearsal.after_data"])
    assert sentence(late, STUDY, "ja").endswith(words("ja")["rehearsal.after_data"])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_failure_is_worded_with_its_number(language: str) -> None:
    keys = words(language).keys("rehearsal.failure")
    values = {"few_firms": "treated", "refused": "E_NO_CONTROL", "not_published": "E_DISCLOSURE"}
    for key in keys:
        failed = dataclasses.replace(SOUND, failures=(Failure(key, "group_time", "y", "null", values.get(key, 0.123)),))
        text = sentence(failed, STUDY, language)
        assert "{" not in text
        told = {"few_firms": words(language)["rehearsal.side.treated"], "bias": "0.12"}.get(key, values.get(key))
        assert told is None or told in text
        assert key not in ("coverage", "size", "weak", "unverified") or "12%" in text


def test_the_code_knows_no_failure_without_words() -> None:
    used = {key for path in SOURCES for key in re.findall(r'Failure\(\s*"(\w+)"', path.read_text("utf-8"))}
    assert used | {"bias", "coverage", "size"} == set(words("en").keys("rehearsal.failure"))


@pytest.mark.parametrize(("scale", "unit", "value", "says"), [
    ("log", "yen", 0.05, "5.1% (0.0500 on the scale of logarithms)"), ("level", "yen", 1_500_000.0, "JPY 1.50 million"),
    ("level", "", 2.5, "2.50"), ("binary", "", 0.031, "3.1 pp"),
    ("growth", "", 0.012, "1.2 pp"),
])  # fmt: skip
def test_effects_are_written_as_in_the_report(scale: str, unit: str, value: float, says: str) -> None:
    outcome = STUDY.primary.model_copy(update={"transform": scale, "unit": unit})
    assert effect(value, outcome, words("en")) == says


FOUND = FileEstimate("planted", "group_time", "y", 0.1, 0.08, 0.02, -1.0, True, True)
FILES = FilesRehearsed((FOUND,), (), {"truth.json": "00"}, ("z",))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_files_are_told_beside_the_replications(language: str) -> None:
    sound = dataclasses.replace(SOUND, files=FILES)
    assert sound.is_recovered
    assert sentence(sound, STUDY, language).startswith(sentence(SOUND, STUDY, language))
    assert words(language)["rehearsal.files.recovered"].format(n=1) in sentence(sound, STUDY, language)
    refused = dataclasses.replace(FILES, failures=(Failure("files_refused", arm="null", value="E_NO_TREATED"),))
    failed = dataclasses.replace(SOUND, files=refused)
    assert not failed.is_recovered
    assert "E_NO_TREATED" in sentence(failed, STUDY, language)


def test_what_files_told_is_read_as_it_was_written(tmp_path: Path) -> None:
    endless = dataclasses.replace(FOUND, std_error=0.0, off=math.inf, is_near=False)
    failed = Failure("no_error", "group_time", "y", "planted")
    told = dataclasses.replace(SOUND, files=dataclasses.replace(FILES, rows=(FOUND, endless), failures=(failed,)))
    told.save(tmp_path)
    assert Rehearsal.load(tmp_path) == told
    assert not Rehearsal.load(tmp_path).is_recovered


def test_a_rehearsal_is_read_as_it_was_written(tmp_path: Path) -> None:
    failed = dataclasses.replace(SOUND, failures=(Failure("bias", "group_time", "y", "null", 0.5),), skipped=("ratio",))
    failed.save(tmp_path)
    assert Rehearsal.load(tmp_path) == failed
    assert (tmp_path / "rehearsal.csv").read_bytes().splitlines()[0].startswith(b"arm,estimate,outcome,effect")
    dataclasses.replace(SOUND, detectable=math.nan).save(tmp_path)
    assert math.isnan(Rehearsal.load(tmp_path).detectable)
    (tmp_path / "rehearsal.json").write_text("{}", "utf-8")
    with pytest.raises(IntegrityError, match="E_REHEARSAL_FILE"):
        Rehearsal.load(tmp_path)
