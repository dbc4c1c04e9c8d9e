"""A site over some months: input changed, unchanged, late; editions held and accepted; a study that fails."""

import json
import shutil
from pathlib import Path

import pytest

import sites
import small_study
from evalkit.cli.publishing import most_serious
from evalkit.cli.site import Site
from evalkit.model import store
from evalkit.plan.log import read_log
from small_study import Rows


@pytest.fixture
def home(first_site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_site, tmp_path / "home"))


def tree(home: Path) -> dict[str, bytes]:
    return small_study.tree(home / "site")


def test_three_editions_with_unchanged_and_late_input_between(home: Path, cli) -> None:
    first = sites.edition(home, "2026-01-15")
    assert (first["previous"], first["decision"]["status"], first["moved"]) == (None, "published", [])
    release = home / "runs/small/release"
    taken = {p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file()}
    assert set(first["files"]) == taken - {"ledger.jsonl", "_manifest.json"}
    assert first["study_sha256"] == store.read_json(home / "runs/small/manifest.json")["study_sha256"]
    assert first["run_manifest_sha256"] == store.read_json(home / "runs/small/manifest.json")["sha256"]
    assert first["headline"]["en"] == (release / "headline.txt").read_text(encoding="utf-8").strip()
    assert "売上高" in first["headline"]["ja"]
    results = {n["id"]: n["value"] for n in store.read_json(release / "results.json")}
    (effect,) = first["effects"]
    assert effect["estimate"] == results[f"effects.{effect['id']}.estimate"]

    before = tree(home)
    answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, answer.out) == (0, "small: unchanged, edition 2026-01-15 stays\n")
    assert tree(home) == before

    sites.write(home, vintage="2026-03-01", spoil=sites.times(1.01))
    answer = sites.publish(cli, home, "2026-03-15")
    assert answer.code == 0, answer.err
    second, entry = sites.edition(home, "2026-03-15"), sites.index(home)["small"]
    assert second["previous"] == {"date": "2026-01-15", "sha256": first["sha256"]}
    (moved,) = second["moved"]
    assert moved["standard_errors"] == pytest.approx(
        (second["effects"][0]["estimate"] - effect["estimate"]) / effect["std_error"], rel=1e-12
    )
    assert 0 < moved["standard_errors"] < 3
    assert (moved["before"]["en"], moved["after"]["en"]) == (effect["shown"]["en"], second["effects"][0]["shown"]["en"])
    assert [e["date"] for e in entry["editions"]] == ["2026-03-15", "2026-01-15"]
    assert all((home / "site" / r["path"]).is_file() for e in entry["editions"] for r in e["reports"])

    answer = sites.publish(cli, home, "2026-06-09")
    assert answer.code == 0
    answer = sites.publish(cli, home, "2026-07-15")
    assert answer.code == 10
    assert answer.out == "small: input late (firm_years since 2026-06-10), edition 2026-03-15 stays\n"
    entry = sites.index(home)["small"]
    assert (entry["status"], entry["edition"]["date"]) == ("late", "2026-03-15")
    assert "late since 2026-06-10: Firm-years" in (home / "site/index.en.html").read_text(encoding="utf-8")

    sites.write(home, vintage="2026-07-16", spoil=sites.times(1.02))
    assert sites.publish(cli, home, "2026-07-20").code == 0
    entry = sites.index(home)["small"]
    assert (entry["status"], len(entry["editions"]), entry["late"]) == ("current", 3, [])


def test_a_file_that_is_missing_is_late_since_it_was_first_missed(home: Path, cli) -> None:
    (home / "pipelines/small/data/awards.csv").unlink()
    for day in ("2026-02-01", "2026-02-02"):
        assert sites.publish(cli, home, day).code == 10
        assert sites.index(home)["small"]["late"] == [{"source": "awards", "newest": "", "since": "2026-02-01"}]
    sites.write(home)
    assert sites.publish(cli, home, "2026-02-03").code == 0
    assert sites.index(home)["small"]["status"] == "current"


def test_an_edition_is_held_accepted_and_logged(home: Path, cli) -> None:
    first = tree(home)
    sites.write(home, vintage="2026-02-01", spoil=sites.times(0.5))
    answer = sites.publish(cli, home, "2026-02-15")
    assert answer.code == 9
    assert "edition 2026-02-15 held for review, edition 2026-01-15 stays" in answer.out
    assert "changed its sign" in answer.out
    held, entry = sites.edition(home, "2026-02-15", kind="held"), sites.index(home)["small"]
    assert [reason["rule"] for reason in held["decision"]["reasons"]] == ["sign"]
    assert "信頼区間" in held["decision"]["reasons"][0]["ja"]
    assert (entry["status"], entry["held"], entry["edition"]["date"]) == ("held", "2026-02-15", "2026-01-15")
    pages = "".join((home / "site" / f"index.{lang}.html").read_text(encoding="utf-8") for lang in ("en", "ja"))
    assert "A newer edition (2026-02-15) is held" in pages
    assert held["effects"][0]["shown"]["en"] not in pages + json.dumps(entry)
    assert all((home / "site" / name).stat().st_mode & 0o077 == 0 for name in ("held", "held/small/2026-02-15"))
    assert {n: b for n, b in tree(home).items() if n.startswith("editions")} == {
        n: b for n, b in first.items() if n.startswith("editions")
    }

    waiting = tree(home)
    assert sites.publish(cli, home, "2026-02-16").code == 9
    assert tree(home) == waiting

    late = home / "pipelines/small/data/awards.csv"
    late.rename(home / "elsewhere.csv")
    answer = sites.publish(cli, home, "2026-02-17")
    assert answer.code == 9, "more serious than late"
    assert (sites.index(home)["small"]["status"], sites.index(home)["small"]["held"]) == ("late", "2026-02-15")
    answer = sites.accept(cli, home, "2026-02-20")
    assert answer.code == 0, answer.err
    assert sites.index(home)["small"]["status"] == "late"
    (home / "elsewhere.csv").rename(late)
    assert sites.publish(cli, home, "2026-02-21").code == 0
    accepted, entry = sites.edition(home, "2026-02-15"), sites.index(home)["small"]
    (line,) = read_log(home / "site/publish.log.jsonl")
    assert (line["event"], line["names"], line["edition_sha256"]) == ("accept", ["山田花子"], held["sha256"])
    assert accepted["decision"]["log_sha256"] == line["sha256"]
    assert accepted["decision"]["reasons"] == held["decision"]["reasons"]
    assert (entry["status"], entry["held"], entry["edition"]["date"]) == ("current", None, "2026-02-15")
    assert "Checked against the register" in (home / "site/index.ja.html").read_text(encoding="utf-8")
    assert not (home / "site/held/small/2026-02-15").exists()
    assert (home / "site/editions/small/2026-02-15/report.en.html").stat().st_mode & 0o044 == 0o044


def test_no_edition_is_replaced_and_a_later_good_one_takes_the_place_of_a_held_one(home: Path, cli) -> None:
    sites.write(home, spoil=sites.times(1.5))
    assert sites.publish(cli, home, "2026-02-15").code == 9
    before = tree(home)
    sites.write(home, spoil=sites.times(1.01))
    for day in ("2026-01-14", "2026-01-15", "2026-02-01", "2026-02-15"):
        answer = sites.publish(cli, home, day)
        assert (answer.code, "E_EDITION" in answer.err) == (2, True)
    after = tree(home)
    assert {n: b for n, b in after.items() if "index" not in n} == {n: b for n, b in before.items() if "index" not in n}
    assert sites.publish(cli, home, "2026-03-15").code == 0
    assert sites.index(home)["small"]["held"] is None
    assert (home / "site/held/small/2026-02-15").is_dir()
    answer = sites.accept(cli, home, "2026-03-16")
    assert (answer.code, "E_NOT_HELD" in answer.err) == (2, True)


def no_date(tables: dict[str, Rows]) -> None:
    for row in tables["awards"]:
        row["交付決定日"] = f"CANARY {row['firm_id']}"


def test_a_study_that_fails_keeps_its_edition_and_stops_no_other(home: Path, cli) -> None:
    firm = small_study.tables()["firms"][0]["firm_id"]
    sites.write(home, spoil=no_date)
    sites.write(home, "twin")
    answer = sites.publish(cli, home, "2026-02-15")
    assert answer.code == 3
    assert "twin: new edition 2026-02-15" in answer.out
    entries = sites.index(home)
    assert entries["small"]["errors"] == [{"code": "E_QUARANTINE_LIMIT", "exit_code": 3}]
    assert (entries["small"]["status"], entries["small"]["edition"]["date"]) == ("failed", "2026-01-15")
    assert entries["twin"]["status"] == "current"
    site = b"".join(tree(home).values()).decode(errors="replace") + answer.out + answer.err
    assert firm not in site
    assert "CANARY" not in site
    assert "E_QUARANTINE_LIMIT" in (home / "site/index.ja.html").read_text(encoding="utf-8")
    told = json.loads(sites.publish(cli, home, "2026-02-16", "--json").out)["studies"]
    assert [(s["study"], s["status"], s["exit_code"]) for s in told] == [
        ("small", "failed", 3),
        ("twin", "unchanged", 0),
    ]


def test_a_study_that_is_not_valid_is_told_apart(home: Path, cli) -> None:
    path = home / "pipelines/small/study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("[match]", "[macht]"), encoding="utf-8")
    answer = sites.publish(cli, home, "2026-02-15")
    assert answer.code == 2
    entry = sites.index(home)["small"]
    assert (entry["title"]["ja"], entry["errors"][0]["code"]) == ("六十社", "E_SPEC_UNKNOWN")
    path.write_text("id = ", encoding="utf-8")
    assert sites.publish(cli, home, "2026-02-16").code == 2
    assert sites.index(home)["small"]["errors"][0]["code"] == "E_SPEC_SYNTAX"


def test_an_edition_that_was_changed_is_refused(home: Path, cli) -> None:
    page = home / "site/editions/small/2026-01-15/report.en.html"
    page.write_text(page.read_text(encoding="utf-8").replace("Sixty", "Seventy"), encoding="utf-8")
    index = (home / "site/index.json").read_bytes()
    answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, "E_STALE" in answer.err) == (8, True)
    assert (home / "site/index.json").read_bytes() == index


def test_equal_input_and_date_give_equal_bytes(home: Path, cli, tmp_path_factory) -> None:
    other = tmp_path_factory.mktemp("elsewhere")
    sites.write(other)
    assert sites.publish(cli, other, "2026-01-15", "--threads", "1").code == 0
    assert tree(other) == tree(home)


def test_a_run_folder_without_its_ledger_is_refused(home: Path, cli) -> None:
    """Another edition could tell single firms by its difference to the one that is out."""
    shutil.rmtree(home / "runs")
    answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, "E_LEDGER" in answer.err) == (8, True)
    assert not (home / "runs").exists()


def test_one_writer_at_a_time(home: Path, cli) -> None:
    before = tree(home)
    with Site(home / "site").only_writer():
        answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, "E_BUSY" in answer.err) == (6, True)
    assert tree(home) == before


@pytest.mark.parametrize(("more", "said"), [
    (["--accept", "small"], "takes --accept, --by and --reason"), (["--by", "X", "--reason", "Y"], "takes --accept"),
    (["--accept", "small", "--by", " ", "--reason", "Y"], "takes --accept"), ([], "PIPELINES is missing"),
    (["--accept", "smal", "--by", "X", "--reason", "Y"], "did you mean 'small'?"),
    (["--accept", "small", "--by", "X", "--reason", "Y"], "no edition is held"),
    (["pipelines", "--date", "2026-02-30"], "not a day"), (["pipelines", "--runs", "site/runs"], "must not lie inside"),
    (["site"], "no study.toml"), (["pipelines", "copy"], "two studies have the id 'small'"),
])  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(home: Path, cli, monkeypatch, more: list[str], said: str) -> None:
    monkeypatch.chdir(home)
    shutil.copytree("pipelines", "copy")
    before = tree(home)
    answer = cli("publish", "--out", "site", "--runs", "runs", *more)
    assert (answer.code, said in answer.err) == (2, True)
    assert tree(home) == before


def test_the_most_serious_code_counts() -> None:
    assert [most_serious(codes) for codes in ([], [0, 10], [10, 9], [9, 2], [3, 5], [6, 3])] == [0, 10, 9, 2, 5, 3]


def test_a_crash_between_files_leaves_the_old_index_and_the_next_run_mends_it(home: Path, cli, monkeypatch) -> None:
    before = tree(home)
    sites.write(home, spoil=sites.times(1.01))
    usual = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name.startswith(".index.ja"):
            raise OSError(28, "No space left on device")
        return usual(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, "E_NOSPACE" in answer.err) == (7, True)
    after = tree(home)
    assert {n: b for n, b in after.items() if "2026-02-15" not in n} == before
    (home / "site/.draft").mkdir()
    answer = sites.publish(cli, home, "2026-02-15")
    assert (answer.code, answer.out) == (0, "small: unchanged, edition 2026-02-15 stays\n")
    assert sites.index(home)["small"]["edition"]["date"] == "2026-02-15"
    assert not (home / "site/.draft").exists()
