"""A plan from its lock to the verification of a run, on the command line."""

import json
from pathlib import Path

import pytest

import plans
import small_study

RUN = "out/small"


def test_an_incomplete_plan_is_refused_with_all_blanks(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    before = small_study.tree(tmp_path)
    answer = cli("lock", study, "--root", tmp_path, "--out", tmp_path / "out")
    assert answer.code == 2
    assert answer.err.count("E_PLAN_BLANK") == 8
    assert small_study.tree(tmp_path) == before


def test_from_lock_to_report(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1580515200")
    trees = []
    for name in "ab":
        study = plans.write(tmp_path / name)
        assert plans.lock(cli, study).code == 0
        assert plans.run(cli, study).code == 0
        trees.append(small_study.tree(tmp_path / name))
    assert trees[0] == trees[1]
    locked = json.loads(trees[0]["plan.lock.json"])
    assert set(locked["files"]) == {"data/awards.csv", "data/firms.csv"}
    assert locked["schema"]["firm_years"]["fiscal_year"] == "year"
    log = [json.loads(line) for line in trees[0]["plan.log.jsonl"].splitlines()]
    assert [(line["event"], line["time"]) for line in log] == [("lock", plans.TIME), ("open", plans.LATER)]
    page = plans.report(study)
    assert "EXPLORATORY" not in page
    assert "Pre-registered: the plan was locked before" in page
    before = small_study.tree(study.parent)
    assert "nothing changed" in plans.run(cli, study).out
    assert small_study.tree(study.parent) == before


def test_without_a_lock_all_works_and_is_exploratory(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    assert plans.run(cli, study).code == 0
    assert "EXPLORATORY" in plans.report(study)
    assert "exploratory" in plans.run(cli, study).out
    assert not (tmp_path / "plan.log.jsonl").exists()
    for verb in ("unseal", "deviations"):
        more = ("--reason", "x", "--by", "y", *(("--field", "study.seed") if verb == "deviations" else ()))
        refused = cli(verb, study, "--root", tmp_path, *more)
        assert (refused.code, "E_NOT_LOCKED" in refused.err) == (2, True)


def test_effects_stay_sealed_while_the_design_fails(tmp_path: Path, cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1583020800")
    study = plans.write(tmp_path, spoil=plans.unbalanced)
    plans.lock(cli, study)
    for verb in ("run", "estimate"):
        answer = cli(verb, study, "--root", tmp_path, "--out", tmp_path / "out")
        assert answer.code == 4
        assert "E_SEALED" in answer.err
        assert "balance" in answer.err
    assert not (tmp_path / RUN / "effects").exists()
    assert "open" not in (tmp_path / "plan.log.jsonl").read_text("utf-8")
    told = cli("unseal", study, "--reason", "the minister asked", "--by", "Doe", "--time", plans.LATER, "--json")
    assert json.loads(told.out)["time"] == plans.LATER
    assert plans.run(cli, study).code == 0
    assert "UNSEALED by Doe" in plans.report(study)
    assert "the minister asked" in plans.report(study)
    assert cli("verify", tmp_path / RUN).code == 0


def test_effects_estimated_before_the_lock_are_sealed_by_it(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path, spoil=plans.unbalanced)
    assert plans.run(cli, study).code == 0
    refused = plans.lock(cli, study)
    assert (refused.code, "E_OPENED" in refused.err) == (4, True)
    assert not (tmp_path / "plan.lock.json").exists()
    assert plans.lock(cli, study, "--after-data", "first look").code == 0
    assert "E_SEALED" in plans.run(cli, study).err
    report = cli("report", study, "--root", tmp_path, "--out", tmp_path / "out")
    assert (report.code, "E_STALE" in report.err) == (8, True)


def test_a_plan_is_locked_again_before_outcomes_or_marked(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path)
    plans.lock(cli, study)
    assert plans.lock(cli, study, time=plans.LATER).code == 0
    behind = plans.lock(cli, study)
    assert (behind.code, "E_CLOCK" in behind.err) == (8, True)
    plans.run(cli, study)
    assert "E_OPENED" in plans.lock(cli, study, time=plans.LATEST).err
    assert plans.lock(cli, study, "--after-data", "a mistake", time="2999-01-01").code == 0
    ahead = plans.run(cli, study)
    assert (ahead.code, "E_CLOCK" in ahead.err) == (8, True)


def test_after_data_stands_on_the_page(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path)
    plans.lock(cli, study, "--after-data", "seen elsewhere")
    plans.run(cli, study)
    assert "LOCKED AFTER DATA" in plans.report(study)
    assert "seen elsewhere" in plans.report(study)


def test_deviations_are_listed_with_their_reasons(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path)
    plans.lock(cli, study)
    assert "all is as planned" in cli("deviations", study, "--root", tmp_path).out
    study.write_text(study.read_text("utf-8").replace("seed = 7", "seed = 8"), "utf-8")
    with (tmp_path / "data/firms.csv").open("a") as file:
        file.write("\n")
    with (tmp_path / "data/firm_years.csv").open("a") as file:
        file.write("\n")
    found = json.loads(cli("deviations", study, "--root", tmp_path, "--json").out)["deviations"]
    assert [(d["field"], d["reason"]) for d in found] == [("files.data/firms.csv", ""), ("study.seed", "")]
    more = ("--reason", "a better draw", "--by", "Doe", "--time", plans.LATER)
    near = cli("deviations", study, "--root", tmp_path, "--field", "study.sed", *more)
    assert (near.code, "did you mean 'study.seed'?" in near.err) == (2, True)
    assert cli("deviations", study, "--root", tmp_path, "--field", "study.seed").code == 2
    assert "(a better draw)" in cli("deviations", study, "--root", tmp_path, "--field", "study.seed", *more).out
    plans.run(cli, study)
    page = plans.report(study)
    for told in ("with deviations from the plan", "<code>study.seed</code>", "a better draw", "no reason was given"):
        assert told in page


def test_verify_and_compare(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path / "a")
    plans.lock(cli, study)
    plans.run(cli, study)
    before = small_study.tree(tmp_path)
    told = json.loads(cli("verify", tmp_path / "a" / RUN, "--json").out)
    assert told["verified"]
    assert small_study.tree(tmp_path) == before
    other = plans.write(tmp_path / "b", lambda s: plans.complete(s).replace('"group_time"', '"event_study"'))
    plans.run(cli, other)
    found = json.loads(cli("compare", tmp_path / "a" / RUN, tmp_path / "b" / RUN, "--json").out)
    assert [d["field"] for d in found["study"]] == ["estimate[1].method"]
    assert found["inputs"] == []
    seed = plans.write(tmp_path / "c", lambda s: plans.complete(s).replace("last = 2019", "last = 2018"))
    plans.run(cli, seed)
    out = cli("compare", tmp_path / "a" / RUN, tmp_path / "c" / RUN).out
    assert "period.last: 2019 -> 2018" in out
    assert "standard errors)" in out
    assert "why: effects changed, and so did the study" in out


def test_verify_names_what_a_second_run_does_not_give(tmp_path: Path, cli) -> None:
    """A forger who writes the manifests anew passes every hash, and not the run."""
    from evalkit.model import store
    from evalkit.plan.canonical import digest

    study = plans.write(tmp_path)
    plans.run(cli, study)
    folder = tmp_path / RUN
    headline = folder / "release/headline.txt"
    headline.write_text(headline.read_text("utf-8").replace("Sales", "Gains"), "utf-8")
    for manifest in (folder / "release/_manifest.json", folder / "manifest.json"):
        whole = store.read_json(manifest)
        names = [n for n in whole["outputs"] if n.startswith("release/") and not n.endswith("_manifest.json")]
        whole["outputs"] |= {n: store.sha256(folder / n) for n in names}
        if "release/_manifest.json" in whole["outputs"]:
            whole["outputs"]["release/_manifest.json"] = store.sha256(folder / "release/_manifest.json")
        if "sha256" in whole:
            whole["sha256"] = digest({k: v for k, v in whole.items() if k != "sha256"})
        store.write_json(manifest, whole)
    answer = cli("verify", folder)
    assert answer.code == 8
    assert "release/headline.txt" in answer.err
    assert "running again gives other bytes" in answer.err


def test_verify_finds_the_study_or_says_how(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path / "home")
    cli("run", study, "--root", study.parent, "--out", tmp_path / "away")
    lost = cli("verify", tmp_path / "away/small")
    assert (lost.code, "--root" in lost.err) == (2, True)
    assert cli("verify", tmp_path / "away/small", "--root", study.parent).code == 0
    empty = cli("verify", study.parent)
    assert (empty.code, "E_MISSING_OUTPUT" in empty.err) == (8, True)


def test_verify_names_the_log_when_a_line_was_added_or_the_plan_was_locked_since(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path)
    plans.run(cli, study)
    plans.lock(cli, study, "--after-data", "looked")
    assert "plan.log.jsonl: lines were added" in cli("verify", tmp_path / RUN).err
    plans.run(cli, study)
    cli("unseal", study, "--reason", "x", "--by", "y")
    answer = cli("verify", tmp_path / RUN)
    assert (answer.code, "plan.log.jsonl: lines were added" in answer.err) == (8, True)
