"""A study in every format: in the manifest, reused when nothing changed, refused early without a package, inert."""

import json
import re
import zipfile
from pathlib import Path

import pytest

import small_study
import written_reports

FORMATS = ("html", "pdf", "docx", "xlsx", "md")
HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "[x](javascript:alert(1))", "=cmd|' /C calc'!A0",
    '=HYPERLINK("https://example.com","x")', "@SUM(1,1)", "+1+1", "-1+1", "#eval(1)", "https://example.com/x",
)  # fmt: skip
"""One of each kind; all thirty stand in tests/unit/reporting/test_formats_are_inert.py."""


def in_all_formats(text: str) -> str:
    return text.replace("[report]", f"[report]\nformats = {json.dumps(FORMATS)}")


def hostile(text: str) -> str:
    """Give programme, labels, authors and objectives names that other programs might act on."""
    quoted = [json.dumps(h) for h in HOSTILE]
    objectives = ", ".join(f"{{ en = {q} }}" for q in quoted)
    decisions = "".join(f'[[decision]]\ndate = "2026-01-01"\nby = {q}\ntext.en = {q}\n' for q in quoted)
    more = f"[programme]\nname.en = {quoted[0]}\nauthority.en = {quoted[3]}\nobjectives = [{objectives}]\n{decisions}"
    more += f"[roles]\nanalyst = {quoted[4]}\napprover = {quoted[1]}\n"
    renamed = text.replace('"P1"', quoted[4]).replace('unit = "thousand_yen"\n\n', f"label.en = {quoted[3]}\n\n")
    return in_all_formats(renamed) + more


def rename(tables: dict[str, small_study.Rows]) -> None:
    """Give the programme and firms such names in the data too."""
    for row in tables["awards"]:
        row["programme"] = HOSTILE[4]
    for place, row in enumerate(tables["firms"]):
        row["name"] = HOSTILE[place % len(HOSTILE)]


@pytest.fixture
def run(cli, tmp_path: Path):
    def go(*arguments: object, spoil=lambda _: None, study=in_all_formats):
        path = small_study.write(tmp_path, spoil, study)
        return cli("run", path, "--out", tmp_path / "out", "--root", tmp_path, *arguments)

    return go


def test_all_formats_are_outputs_like_others_and_reused(run, tmp_path: Path) -> None:
    assert run().code == 0
    folder = tmp_path / "out" / "small"
    names = {f"release/report.en.{name}" for name in FORMATS}
    assert names <= set(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["outputs"])
    before = {name: (folder / name).stat().st_mtime_ns for name in names}
    again = run()
    assert "nothing changed" in again.out
    assert {name: (folder / name).stat().st_mtime_ns for name in names} == before
    (folder / "release" / "report.en.docx").write_bytes(b"edited")
    assert "nothing changed" not in run().out
    assert zipfile.is_zipfile(folder / "release" / "report.en.docx")


def test_a_format_that_is_dropped_goes(run, tmp_path: Path) -> None:
    assert run().code == 0
    assert run(study=lambda text: text).code == 0
    assert [p.name for p in (tmp_path / "out" / "small" / "release").glob("report.*")] == ["report.en.html"]


def test_a_missing_package_is_told_before_anything_runs(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("evalkit.reporting.formats.NEEDS", {"pdf": ("not_there", "paper")})
    answer = run()
    assert answer.code == 2
    assert "E_EXTRA" in answer.err
    assert "evalkit[paper]" in answer.err
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_refused(run) -> None:
    answer = run(study=lambda text: in_all_formats(text).replace('"docx"', '"doc"'))
    assert answer.code == 2
    assert "formats" in answer.err


def test_hostile_names_of_programmes_firms_labels_and_authors_do_nothing(run, tmp_path: Path) -> None:
    answer = run(spoil=rename, study=hostile)
    assert answer.code == 0, answer.err
    release = tmp_path / "out" / "small" / "release"
    for name in ("docx", "xlsx"):
        for part, xml in written_reports.parts(release / f"report.en.{name}").items():
            assert 'TargetMode="External"' not in xml, part
            assert not re.search(r"<f[ >]|<w:instrText|<w:altChunk", xml), part
    paper = written_reports.pdf_objects(release / "report.en.pdf")
    assert not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction|AA)\b", paper)
    text = (release / "report.en.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<|(?<!\\)\]\((?!#|figures/)|(?<!\\)!\[(?=x)|(?<![\\\w])https?://", text)
    said = "".join(written_reports.word_text(release / "report.en.docx").text.split())
    assert [h for h in HOSTILE if "".join(h.split()) not in said] == []
