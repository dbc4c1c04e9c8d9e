"""`evalkit rehearse` on a small study: before the lock, in the lock, in the report, and never of an outcome."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plans
import small_study

PLACE = "out/small/rehearsal"
REHEARSAL = "\n[rehearsal]\nreplications = 50\n"


def quick(text: str) -> str:
    """Return a complete plan with few replications, without checks that take long."""
    return plans.complete(text) + REHEARSAL


def rehearse(cli: Callable[..., Any], study: Path, *more: object) -> Any:
    return cli("rehearse", study, "--root", study.parent, "--out", study.parent / "out", *more)


def poisoned(tables: dict[str, small_study.Rows]) -> None:
    """Put into every outcome from the first award on what no reading survives."""
    for row in tables["firm_years"]:
        if int(row["fiscal_year"]) >= 2016:
            row["sales"] = "POISON"


def shuffled(tables: dict[str, small_study.Rows]) -> None:
    for rows in tables.values():
        rows.reverse()


def record(study: Path) -> dict[str, Any]:
    return json.loads((study.parent / PLACE / "rehearsal.json").read_text("utf-8"))


@pytest.mark.slow
def test_the_same_bytes_whatever_the_outcomes_the_order_the_folder_and_the_threads(tmp_path: Path, cli) -> None:
    trees = []
    for name, spoil, more in (("a", lambda _: None, ()), ("b", poisoned, ("--threads", 1))):
        study = plans.write(tmp_path / name, quick, spoil)
        answer = rehearse(cli, study, *more)
        assert answer.code == 0, answer.err
        trees.append(small_study.tree(study.parent / PLACE))
    assert trees[0] == trees[1]
    assert set(trees[0]) == {"_manifest.json", "rehearsal.csv", "rehearsal.json"}
    found = record(study)
    assert "The study as planned finds an effect on Sales of" in found["sentences"]["en"]
    assert "売上高への" in found["sentences"]["ja"]
    assert found["supposed"]["sales"]["source"]["sd_shocks"] == "seen"
    assert set(found["pipeline"]["planted"]) == {"balance", "pretrends"}
    assert set(found["provenance"]["inputs"]) == {"data/awards.csv", "data/firms.csv"}
    firms = [small_study.corporate_number(i) for i in range(small_study.N_FIRMS)]
    assert not [f for f in firms for data in trees[0].values() if f.encode() in data]
    before = small_study.tree(study.parent)
    again = rehearse(cli, study)
    assert (again.code, "nothing changed" in again.out) == (0, True)
    assert small_study.tree(study.parent) == before


@pytest.mark.slow
def test_the_order_of_rows_changes_nothing_that_was_found(tmp_path: Path, cli) -> None:
    found = []
    for name, spoil in (("a", lambda _: None), ("b", shuffled)):
        study = plans.write(tmp_path / name, quick, spoil)
        assert rehearse(cli, study).code == 0
        found.append({k: v for k, v in record(study).items() if k != "provenance"})
        csv = (study.parent / PLACE / "rehearsal.csv").read_bytes()
        found.append(csv)
    assert found[:2] == found[2:]


@pytest.mark.slow
def test_from_rehearsal_to_lock_report_and_verification(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1580515200")
    study = plans.write(tmp_path, lambda text: quick(text).replace('["en"]', '["en", "ja"]'))
    assert rehearse(cli, study).code == 0
    locked = plans.lock(cli, study)
    assert "made before outcomes were opened, recovers what was planted" in locked.out
    found, lock = record(study), json.loads((tmp_path / "plan.lock.json").read_text("utf-8"))
    assert lock["rehearsal"]["detectable"] == found["detectable"]
    assert (lock["rehearsal"]["power"], lock["rehearsal"]["is_recovered"]) == (0.8, True)
    answer = plans.run(cli, study)
    assert answer.code == 0, answer.err
    for language, title in (("en", "Rehearsal before outcomes were opened"), ("ja", "アウトカムを開く前の予行")):
        page = plans.report(study, language)
        assert title in page
        assert lock["rehearsal"]["sha256"] in page
    assert cli("verify", tmp_path / "out/small").code == 0
    for name in ("rehearsal.json", "rehearsal.csv"):
        path = tmp_path / PLACE / name
        good = path.read_bytes()
        path.write_bytes(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        broken = cli("verify", tmp_path / "out/small")
        assert (broken.code, f"rehearsal/{name}" in broken.err) == (8, True)
        path.write_bytes(good)


def test_without_a_rehearsal_or_with_a_stale_or_damaged_one(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path, quick)
    assert "rehearsal: none" in plans.lock(cli, study).out
    assert json.loads((tmp_path / "plan.lock.json").read_text("utf-8"))["rehearsal"] is None
    assert rehearse(cli, study).code == 0
    text = study.read_text("utf-8")
    study.write_text(text.replace("seed = 7", "seed = 8"), "utf-8")
    stale = plans.lock(cli, study, time=plans.LATER)
    assert (stale.code, "left out, it is not of the study" in stale.out) == (0, True)
    study.write_text(text, "utf-8")
    path = tmp_path / PLACE / "rehearsal.json"
    path.write_bytes(path.read_bytes().replace(b'"detectable": 0.', b'"detectable": 9.', 1))
    damaged = plans.lock(cli, study, time=plans.LATEST)
    assert (damaged.code, "E_STALE" in damaged.err, "rehearsal.json" in damaged.err) == (8, True, True)


@pytest.mark.slow
def test_after_outcomes_were_opened_it_says_so(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1580515200")
    study = plans.write(tmp_path, quick)
    assert plans.run(cli, study).code == 0
    assert "made after outcomes had been opened" in rehearse(cli, study).out
    assert record(study)["after_data"] is True
    locked = plans.lock(cli, study, "--after-data", "it was late")
    assert "made after outcomes had been opened" in locked.out
    assert plans.run(cli, study).code == 0
    assert "Rehearsal after outcomes had been opened" in plans.report(study)


@pytest.mark.slow
def test_a_study_that_cannot_find_what_it_declares_exits_4_and_is_written_down(tmp_path: Path, cli) -> None:
    effect = '\n[[rehearsal.outcome]]\nname = "sales"\neffect = 0.001\n'
    study = plans.write(tmp_path, lambda text: quick(text) + effect)
    answer = rehearse(cli, study)
    assert (answer.code, answer.out, "E_NOT_RECOVERED" in answer.err) == (4, "", True)
    assert "finds the effect on Sales that is supposed in" in answer.err
    assert record(study)["is_recovered"] is False
    assert "does not recover what was planted" in plans.lock(cli, study).out


@pytest.mark.parametrize(("spoil", "code", "says"), [
    ("[[rehearsal.outcome]]\nname = \"sales\"\nsd_shocks = -1.0\nautocorrelation = 1.0\nmissing = 2.0\neffect = 0.0\n",
     2, ["sd_shocks", "autocorrelation", "missing", "effect", "replications"]),
    ("[[rehearsal.outcome]]\nname = \"sale\"\n[[rehearsal.outcome]]\nname = \"sales\"\n[[rehearsal.outcome]]\n"
     "name = \"sales\"\n", 2, ["did you mean 'sales'?", "stands here twice"]),
    ("[[rehearsal.outcome]]\nname = \"sales\"\nsd = 1.0\n", 2, ["unknown key 'sd'"]),
])  # fmt: skip
def test_what_cannot_be_supposed_is_refused_all_at_once(tmp_path: Path, cli, spoil: str, code: int, says) -> None:
    n = 3 if "replications" in says else 50
    study = plans.write(tmp_path, lambda text: f"{plans.complete(text)}\n[rehearsal]\nreplications = {n}\n{spoil}")
    answer = rehearse(cli, study)
    assert answer.code == code
    assert [text for text in says if text not in answer.err] == []
    assert not (tmp_path / "out").exists()


def test_an_incomplete_study_is_refused(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path, lambda text: quick(text).replace("[period]\nfirst = 2013\n", "[period]\n"))
    answer = rehearse(cli, study)
    assert (answer.code, "E_SPEC_MISSING" in answer.err) == (2, True)
    nobody = plans.write(tmp_path / "b", quick, lambda tables: tables["awards"].clear() or tables["awards"].append(
        {"award_id": "A", "firm_id": small_study.corporate_number(0), "programme": "P2", "交付決定日": "2016-06-01",
         "交付決定額": "1"}))  # fmt: skip
    answer = rehearse(cli, nobody)
    assert (answer.code, "E_NO_TREATED" in answer.err) == (4, True)
    assert not (nobody.parent / "out").exists()
