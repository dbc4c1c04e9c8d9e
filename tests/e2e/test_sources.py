"""`evalkit sources` and `evalkit build --report` on files that change over the years."""

import hashlib
import json
from pathlib import Path

import pytest

import small_study
from evalkit.model import store


def with_archive(text: str) -> str:
    """Make the firm-years snapshots of one file, which the study dates."""
    text = text.replace(
        'layout = "generic-firm-years"\npath = "data/firm_years.csv"',
        'layout = "generic-firms"\npath = "data/now.csv"\narchive = "insured"\nvintage = "YEAR"\n'
        'fiscal_year_from = "vintage"\nlicence = "register office, no onward transfer"',
    )
    return text.replace('baseline = ["industry"]', "baseline = []")


def command(cli, verb: str, study: Path, *more: str):
    return cli(verb, study, "--root", study.parent, *more)


@pytest.fixture
def study(tmp_path: Path, cli) -> Path:
    """Build once a year, when the file shows that year only; return the study of the last year."""
    path = small_study.write(tmp_path, study=with_archive)
    text, rows = path.read_text(encoding="utf-8"), small_study.tables()["firm_years"]
    for year in small_study.YEARS:
        now = [r for r in rows if r["fiscal_year"] == str(year)]
        content = "firm_id,sales\n" + "".join(f"{r['firm_id']},{r['sales']}\n" for r in now)
        (tmp_path / "data/now.csv").write_text(content, encoding="utf-8")
        path.write_text(text.replace("YEAR", f"{year}-12-31"), encoding="utf-8")
        command(cli, "build", path, "--out", str(tmp_path / "out"))
    return path


def test_years_of_snapshots_give_the_panel_of_one_file(study: Path, cli, tmp_path: Path) -> None:
    whole = small_study.write(tmp_path / "whole", study=lambda s: s.replace('baseline = ["industry"]', "baseline = []"))
    answer = command(cli, "build", whole, "--out", str(tmp_path / "whole/out"))
    assert answer.code == 0, answer.err
    name = "out/small/panel/panel.parquet"
    assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    answer = command(cli, "build", study, "--out", str(tmp_path / "out"))
    assert "nothing changed" in answer.out


def test_sources_lists_what_is_held(study: Path, cli, tmp_path: Path) -> None:
    told = json.loads(command(cli, "sources", study, "--json").out)["sources"]
    firm_years = next(s for s in told if s["source"] == "firm_years")
    assert firm_years["licence"] == "register office, no onward transfer"
    assert [(h["vintage"], h["rows"], h["file"]) for h in firm_years["held"]] == [
        (f"{year}-12-31", small_study.N_FIRMS, "data/now.csv") for year in small_study.YEARS
    ]
    for held in (h for s in told for h in s["held"]):
        assert hashlib.sha256((tmp_path / held["path"]).read_bytes()).hexdigest() == held["sha256"]
        assert held["is_archived"] == held["path"].startswith("vintages/")
    awards = next(s for s in told if s["source"] == "awards")
    assert [(h["file"], h["rows"]) for h in awards["held"]] == [("data/awards.csv", 24)]


def test_sources_imports_nothing_and_lists_what_cannot_be_read(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path, study=lambda s: with_archive(s).replace("YEAR", "2019"))
    (tmp_path / "data/now.csv").write_bytes(b"\xff\xfe\x00broken")
    (tmp_path / "data/firms.csv").unlink()
    answer = command(cli, "sources", study)
    assert answer.code == 0, answer.err
    assert not (tmp_path / "vintages").exists()
    lines = answer.out.splitlines()
    assert any("unreadable" in line and "data/now.csv" in line for line in lines)
    assert any(line.startswith("firm_years (generic-firms): register office") for line in lines)
    assert not any("data/firms.csv" in line for line in lines)


def test_the_report_is_written_beside_the_panel_and_belongs_to_it(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    folder, out = tmp_path / "out/small", ("--out", str(tmp_path / "out"))
    assert command(cli, "run", study, *out).code == 0
    answer = command(cli, "build", study, "--report", *out)
    assert answer.code == 0, answer.err
    assert "nothing changed" in answer.out
    for words in ("data quality: ok", "24 treated, 36 control", "missing", "P1         2016"):
        assert words in answer.out
    path = folder / "panel/quality.json"
    assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["links"][0]["percent_linked"] == 100
    told = json.loads(command(cli, "build", study, "--report", "--json", *out).out)
    assert told["quality"] == json.loads(path.read_text())
    assert str(path) in told["outputs"]
    assert "nothing changed" in command(cli, "run", study, *out).out
    manifest = store.read_json(folder / "manifest.json")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(manifest["outputs"]) == files - {"manifest.json"}


def test_a_new_panel_has_no_old_report(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    out = ("--out", str(tmp_path / "out"))
    command(cli, "build", study, "--report", *out)
    report = tmp_path / "out/small/panel/quality.json"
    first = report.read_bytes()
    study.write_text(study.read_text().replace("seed = 7", "seed = 8"))
    command(cli, "build", study, *out)
    assert not report.exists()
    command(cli, "build", study, "--report", *out)
    assert report.read_bytes() == first
