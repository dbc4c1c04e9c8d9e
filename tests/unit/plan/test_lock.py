"""What a lock asks for, what it holds, and that lock and log guard each other."""

import json
import tomllib
from pathlib import Path

import pytest

import plans
import small_study
from evalkit.errors import IntegrityError, ManyErrors, StudyError, each
from evalkit.model.plan import PlannedPower
from evalkit.model.study import Study
from evalkit.plan.gates import design_checks
from evalkit.plan.lock import Moment, PlanFiles, blanks
from evalkit.plan.log import add_line

BLANK = ["about", "check", "--signer", "plan.objective", "plan.logic", "plan.final_report", "plan.evaluator",
         "plan.publication"]  # fmt: skip


def study(text: str) -> Study:
    return Study.model_validate(tomllib.loads(text))


def frozen(asked: Study) -> dict:
    return {
        "study": asked.model_dump(mode="json", by_alias=True),
        "code": "c",
        "versions": {},
        "schema": {},
        "files": {},
    }


@pytest.fixture
def files(tmp_path: Path) -> PlanFiles:
    asked = study(plans.complete(small_study.STUDY))
    found = PlanFiles(tmp_path)
    found.freeze(asked, frozen(asked), [plans.SIGNER], Moment(plans.TIME))
    return found


def test_blanks_are_named_all_at_once(tmp_path: Path) -> None:
    asked = study(small_study.STUDY)
    assert [e.where for e in blanks(asked, [" "])] == BLANK
    with pytest.raises(ManyErrors) as refused:
        PlanFiles(tmp_path).freeze(asked, frozen(asked), [], Moment(plans.TIME))
    assert {e.code for e in each(refused.value)} == {"E_PLAN_BLANK"}
    assert list(tmp_path.iterdir()) == []
    assert blanks(study(plans.complete(small_study.STUDY)), [plans.SIGNER]) == []


@pytest.mark.parametrize(("old", "new", "where"), [
    ("primary = true", "primary = false", "outcome"),
    ('baseline = ["industry"]', "baseline = []", "covariates.baseline"),
    ('"pretrends"', '"bacon"', "check"), ('logic = "E', 'logic = " "\n#', "plan.logic"),
])  # fmt: skip
def test_each_blank(old: str, new: str, where: str) -> None:
    text = plans.complete(small_study.STUDY)
    assert old in text
    assert [e.where for e in blanks(study(text.replace(old, new)), ["A"])] == [where]


def test_gates_are_the_checks_that_need_no_effects() -> None:
    assert [c.method for c in design_checks(study(plans.complete(small_study.STUDY)))] == ["balance"]


def test_the_lock_is_canonical(files: PlanFiles) -> None:
    text = files.lock_path.read_bytes()
    assert b"\r" not in text
    locked = json.loads(text)
    assert list(locked) == sorted(locked)
    assert (locked["time"], locked["signers"], locked["after_data"]) == (plans.TIME, [plans.SIGNER], "")
    assert Study.model_validate(locked["study"], strict=False).id == "small"


def test_the_same_plan_gives_the_same_bytes(files: PlanFiles, tmp_path: Path) -> None:
    asked = study("\n\n# Another layout.\n" + plans.complete(small_study.STUDY))
    other = PlanFiles(tmp_path / "other")
    other.freeze(asked, frozen(asked), [plans.SIGNER], Moment(plans.TIME))
    assert other.lock_path.read_bytes() == files.lock_path.read_bytes()
    assert other.log_path.read_bytes() == files.log_path.read_bytes()


def test_a_clock_behind_leaves_the_lock_as_it_was(files: PlanFiles) -> None:
    before = files.lock_path.read_bytes()
    asked = study(plans.complete(small_study.STUDY).replace("seed = 7", "seed = 8"))
    with pytest.raises(IntegrityError, match="before the last line"):
        files.freeze(asked, frozen(asked), ["A"], Moment("2019-12-31T00:00:00Z"))
    assert files.lock_path.read_bytes() == before
    assert files.lock() is not None


@pytest.mark.parametrize("gone", ["lock_path", "log_path"])
def test_lock_and_log_go_together(files: PlanFiles, gone: str) -> None:
    getattr(files, gone).unlink()
    with pytest.raises(IntegrityError) as refused:
        files.lock()
    assert refused.value.code == "E_LOCK"


def test_a_lock_that_was_edited_is_refused(files: PlanFiles) -> None:
    files.lock_path.write_text(files.lock_path.read_text("utf-8").replace(plans.SIGNER, "Someone else"), "utf-8")
    with pytest.raises(IntegrityError, match="not the one that the log names"):
        files.lock()


def test_a_new_lock_seals_what_was_unsealed(files: PlanFiles) -> None:
    add_line(files.log_path, "unseal", plans.LATER, names=["Doe"], reason="asked")
    assert len(files.since_lock("unseal")) == 1
    asked = study(plans.complete(small_study.STUDY))
    files.freeze(asked, frozen(asked), [plans.SIGNER], Moment(plans.LATEST, "a mistake"))
    assert files.since_lock("unseal") == []


def test_another_studys_lock_is_refused(files: PlanFiles) -> None:
    other = study(plans.complete(small_study.STUDY).replace('id = "small"', 'id = "other"'))
    with pytest.raises(StudyError, match="that of another one"):
        files.record(frozen(other))


FOUND = PlannedPower("ab" * 32, "sales", 0.05, 0.8, is_recovered=True)
MISSED = PlannedPower("ab" * 32, "sales", None, 0.8, is_recovered=False, after_data=True)


@pytest.mark.parametrize("power", [None, FOUND, MISSED])
def test_what_a_rehearsal_told_comes_back_from_the_lock(tmp_path: Path, power: PlannedPower | None) -> None:
    asked = study(plans.complete(small_study.STUDY))
    files = PlanFiles(tmp_path)
    files.freeze(asked, frozen(asked), [plans.SIGNER], Moment(plans.TIME, rehearsal=power))
    record = files.record(frozen(asked))
    assert record is not None
    assert record.rehearsal == power
    assert record.deviations == ()
