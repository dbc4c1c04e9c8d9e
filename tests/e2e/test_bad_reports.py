"""Bad input of reports, runs and security by number (REP, RUN, SEC); one small case each.

What has a longer test of its own elsewhere is asked here once more in short, or named: RUN06 in `test_cli.py`, REP12 in
`test_canary.py`, REP18 in `tests/unit/cli/test_run_folder.py`.
"""

import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

import reports
import small_study
from evalkit.errors import EvalkitError, ManyErrors, ResourceError
from evalkit.etl.linking import link
from evalkit.model import store, study_file
from evalkit.reporting.disclosure.attack import audit
from evalkit.reporting.disclosure.counts import too_few_firms
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.disclosure.suppression import protect
from evalkit.reporting.disclosure.tables import crossed
from evalkit.reporting.figures import style
from evalkit.reporting.formats import workbook
from evalkit.reporting.formats.workbook_style import sheet_name
from evalkit.reporting.headline import headline
from evalkit.reporting.page import Page
from evalkit.reporting.release import release
from evalkit.reporting.render import write_report
from evalkit.reporting.tables import safe_cell
from evalkit.reporting.words import words
from evalkit.run import load_study
from written_reports import Sheets

ROOT = Path(__file__).resolve().parents[2]
NASTY = '<script>alert(1)</script>" onmouseover="x" javascript:alert(1)'
EXCEL_ROWS, EXCEL_NAME = 1_048_576, 31


def run(cli, study: Path, *more: str):
    return cli("run", study, "--out", study.parent / "out", "--root", study.parent, *more)


def release_folder(study: Path) -> Path:
    return study.parent / "out" / "small" / "release"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report in both languages of a study whose every name is hostile."""
    folder = tmp_path_factory.mktemp("release")
    texts = {"en": NASTY, "ja": NASTY}
    asked = reports.study(title=texts, about=texts, treatment={"programme": [NASTY]})
    write_report(release(reports.evaluation(study=asked)), folder)
    return folder


@pytest.mark.parametrize("language", ["en", "ja"])
def test_REP01_names_are_text(written: Path, language: str) -> None:
    text = (written / f"report.{language}.html").read_text(encoding="utf-8")
    page = reports.Page(text)
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert not [v for _, given in page.tags for v in given.values() if (v or "").lower().startswith("javascript:")]
    policy = next(
        g["content"] for t, g in page.tags if t == "meta" and g.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in str(policy)
    assert "&lt;script&gt;" in text


def test_REP04_without_a_japanese_font_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    style._japanese_font.cache_clear()
    try:
        with pytest.raises(ResourceError, match="E_FONT"), style.style("ja"):
            pass
    finally:
        style._japanese_font.cache_clear()


def test_REP04_a_letter_without_a_glyph_is_an_error() -> None:
    with style.style("ja"):
        figure, axes = style.figure(2)
        axes.set_title("\U00020bb7")
    with pytest.raises(ResourceError, match="E_FONT"):
        style.to_png(figure)


def test_REP05_nine_firms_are_hidden_with_what_tells_them(tmp_path: Path) -> None:
    cohorts = {2018: 40, 2019: 30, 2020: 9}
    made = release(reports.evaluation(effects=(reports.effects(reports.study(), cohorts=cohorts),)))
    shown = {r.labels["cohort"]: made.value(r, "n_treated") for r in made.tables["effects/group_time/cohort"]}
    assert shown[2020] is None
    assert list(shown.values()).count(None) == 2
    assert made.numbers["disclosure.audit"].value == "passed"
    assert made.numbers["disclosure.recovered"].value == 0
    write_report(made, tmp_path, ["en"])
    assert "[X]" in (tmp_path / "report.en.html").read_text(encoding="utf-8")


def test_REP06_firms_are_counted_and_not_rows() -> None:
    assert too_few_firms([firm for firm in "abc" for _ in range(5)], PROFILES["release"].threshold)


def test_REP10_one_hidden_cell_beside_its_margins_is_not_alone() -> None:
    values = np.full((3, 3), 30)
    values[1, 1] = 4
    chosen = np.zeros((4, 4), bool)
    chosen[1, 1] = True
    table = crossed("t", values, chosen)
    assert audit([table], table.primary, PROFILES["release"]).recovered == ("t.1.1",)
    assert audit([table], protect([table], PROFILES["release"]), PROFILES["release"]).is_passed


def test_REP12_no_firm_in_what_is_published_told_or_logged(
    tmp_path: Path, cli, caplog: pytest.LogCaptureFixture
) -> None:
    study = small_study.write(tmp_path)
    answer = run(cli, study)
    firms = [small_study.corporate_number(i) for i in range(small_study.N_FIRMS)]
    texts = [p.read_bytes().decode("utf-8", "replace") for p in release_folder(study).rglob("*") if p.is_file()]
    assert len(texts) > 5
    whole = "".join([*texts, answer.out, answer.err, caplog.text])
    assert not [firm for firm in firms if firm in whole]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_REP13_each_number_in_a_sentence_is_the_one_in_results(written: Path, language: str) -> None:
    known = {n["id"]: n["value"] for n in json.loads((written / "results.json").read_text(encoding="utf-8"))}
    numbers = reports.Page((written / f"report.{language}.html").read_text(encoding="utf-8")).numbers
    percent = [(i, text) for i, text in numbers if i.endswith(".overall.sales.percent")]
    assert {reference for reference, _ in numbers} <= set(known)
    assert percent
    assert {re.sub(r"[%％]", "", text).strip() for _, text in percent} == {f"{known[percent[0][0]]:.1f}"}


def test_REP13_what_is_not_in_the_release_cannot_be_written() -> None:
    """A template has numbers by their id only; without one it is said not to be known."""
    page = Page(release(reports.evaluation()), words("en"), {})
    row = page.release.tables["effects/group_time/overall"][0]
    assert page.cell(row, "no such number") == page.unknown
    assert not re.search(r"\d", page.unknown)


@pytest.mark.parametrize(("size", "said"), [(0.05, "higher"), (0.0001, ""), (-0.05, "lower")])
def test_REP15_words_follow_the_interval(size: float, said: str, tmp_path: Path) -> None:
    asked = reports.study()
    made = release(reports.evaluation(effects=(reports.effects(asked, {"sales": size}),)))
    text = headline(made, "en")
    assert [word for word in ("higher", "lower") if word in text] == ([said] if said else [])


def test_REP16_names_of_sheets_and_rows_fit_into_excel() -> None:
    wanted = ["a" * 50, "[]:*?/\\", "資金" * 30, "'quoted'", ""]
    names = [sheet_name(one, i) for i, one in enumerate(wanted, 1)]
    assert all(0 < len(name) <= EXCEL_NAME and not set(name) & set("[]:*?/\\") for name in names)
    assert not any(name.startswith("'") or name.endswith("'") for name in names)
    assert len({name.lower() for name in names}) == len(names)
    assert names == [sheet_name(one, i) for i, one in enumerate(wanted, 1)]
    assert safe_cell("=1+1") == "'=1+1"


def sheets(folder: Path) -> list[tuple[str, list[list[object]]]]:
    """Write the report as a workbook and read its sheets again."""
    write_report(release(reports.evaluation(study=reports.study(report={"formats": ["html", "xlsx"]}))), folder, ["en"])
    return list(Sheets(folder / "report.en.xlsx").rows.items())


def test_REP16_rows_that_do_not_fit_on_a_sheet_go_on_on_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the same caption and heads, in order, none lost."""
    assert workbook.MOST_ROWS + 2 == EXCEL_ROWS
    whole = sheets(tmp_path / "whole")
    monkeypatch.setattr(workbook, "MOST_ROWS", 5)
    split = sheets(tmp_path / "split")
    assert len(split) > len(whole)
    assert len({name.lower() for name, _ in split}) == len(split)
    tables = iter([rows for name, rows in split if re.match(r"\d+ ", name)])
    for name, rows in whole:
        if re.match(r"\d+ ", name):
            parts = [next(tables) for _ in range(2, max(len(rows), 3), 5)]
            assert all(len(part) <= 7 and part[:2] == parts[0][:2] for part in parts)
            found = [row[:4] for part in parts for row in part[2:]]  # the fifth says where a number stands
            assert found == [row[:4] for row in rows[2:]]
    assert next(tables, None) is None


def test_REP18_a_report_of_changed_inputs_is_not_written(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    assert run(cli, study).code == 0
    before = small_study.tree(release_folder(study))
    small_study.write(tmp_path, lambda tables: tables["firm_years"][0].update(sales="51000"))
    answer = cli("report", study, "--out", tmp_path / "out", "--root", tmp_path)
    assert (answer.code, "E_STALE" in answer.err) == (8, True)
    assert small_study.tree(release_folder(study)) == before


WRITES = """
import os, sys
from pathlib import Path
from evalkit.cli import commands
from evalkit.model import store
left, replace = int(sys.argv[1]), os.replace
def dying(*places, **more):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), 9)
    return replace(*places, **more)
os.replace = dying
Path.replace = lambda self, target: dying(self, target) or Path(target)
commands.main(sys.argv[2:], standalone_mode=False)
"""


def killed(study: Path, out: str, after: int) -> int:
    """Run a study and kill the run before a file takes its place, when so many have."""
    home = study.parent
    arguments = ["run", str(study), "--root", str(home), "--out", str(home / out)]
    command = [sys.executable, "-c", WRITES, str(after), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize("points", [(3, 11), pytest.param(tuple(range(50)), marks=pytest.mark.slow)])
def test_RUN01_after_kill_9_a_run_gives_the_same_bytes(points: tuple[int, ...], tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    assert cli("run", study, "--root", tmp_path, "--out", tmp_path / "clean").code == 0
    clean = small_study.tree(tmp_path / "clean")
    n_killed = 0
    for after in points:
        n_killed += killed(study, f"killed-{after}", after) == -signal.SIGKILL
        half = {n: d for n, d in small_study.tree(tmp_path / f"killed-{after}").items() if d and "/." not in n}
        assert all(clean[n] == d for n, d in half.items() if n in clean)
        assert cli("run", study, "--root", tmp_path, "--out", tmp_path / f"killed-{after}").code == 0
        assert small_study.tree(tmp_path / f"killed-{after}") == clean
    assert n_killed >= min(2, len(points))


def test_RUN10_without_its_input_a_run_is_refused_and_the_last_report_stays(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    assert run(cli, study).code == 0
    before = small_study.tree(release_folder(study))
    (tmp_path / "data" / "firm_years.csv").unlink()
    answer = run(cli, study)
    assert (answer.code, "E_NO_FILE" in answer.err) == (3, True)
    assert small_study.tree(release_folder(study)) == before


def test_RUN10_a_delivery_that_has_half_arrived_is_refused_until_it_is_whole(tmp_path: Path, cli) -> None:
    """No sign; a sign before the file is whole; the whole file; a list without it; a list that is cut off itself."""
    declared = 'path = "data/firm_years.csv"\n'
    study = small_study.write(
        tmp_path, study=lambda text: text.replace(declared, f'{declared}arrived = "data/SHA256SUMS"\n')
    )
    years, sign = tmp_path / "data/firm_years.csv", tmp_path / "data/SHA256SUMS"
    whole = years.read_bytes()
    line = f"{hashlib.sha256(whole).hexdigest()}  firm_years.csv\n"
    sign.write_text(line)
    assert run(cli, study).code == 0
    before = small_study.tree(release_folder(study))
    half = whole[: len(whole) // 2]
    for given, said in ((whole, None), (half, line), (whole, line.replace("firm_", "other_")), (whole, line[:40])):
        years.write_bytes(given)
        sign.unlink(missing_ok=True)
        if said is not None:
            sign.write_text(said)
        answer = run(cli, study)
        assert (answer.code, "E_INPUT_NOT_READY" in answer.err) == (3, True)
        assert small_study.tree(release_folder(study)) == before
    years.write_bytes(whole)
    for said in (line, ""):
        sign.write_text(said)
        assert run(cli, study).code == 0
    assert small_study.tree(release_folder(study)) == before


NO_NETWORK = """
import socket, sys
class Refused(socket.socket):
    def __init__(self, *given, **more):
        raise AssertionError("a socket was opened")
def refuse(*given, **more):
    raise AssertionError("a name was looked up")
socket.socket, socket.create_connection, socket.getaddrinfo = Refused, refuse, refuse
from evalkit.cli import commands
commands.main(sys.argv[1:], standalone_mode=False)
"""


def test_RUN14_a_run_opens_no_socket(tmp_path: Path) -> None:
    study = small_study.write(tmp_path)
    arguments = ["run", str(study), "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", NO_NETWORK, *arguments], env=environment, check=True, capture_output=True)
    assert (tmp_path / "out/small/release/report.en.html").is_file()


def test_RUN15_what_takes_its_place_is_on_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before it is renamed, the folder after it."""
    told: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(number: int) -> None:
        told.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        sync(number)

    def renamed(self: Path, target: Path) -> Path:
        told.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    store.write_text(tmp_path / "a.txt", "x")
    assert told == ["file", "rename", "folder"]


def test_RUN16_nothing_changed_means_nothing_is_touched(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    run(cli, study)
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files}
    assert "nothing changed" in run(cli, study).out
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files} == before


STUDIES = {
    "SEC03 the same key twice": ("seed = 7", "seed = 1\nseed = 2", "E_SPEC_DUP"),
    "SEC04 no as text": ("threshold = 1", 'threshold = "no"', "E_SPEC_VALUE"),
    "SEC04 a time": ("seed = 7", "seed = 22:22", "E_SPEC_SYNTAX"),
    "SEC04 leading zeros": ("seed = 7", "seed = 0123", "E_SPEC_SYNTAX"),
    "SEC04 a float for a whole number": ("seed = 7", "seed = 1e3", "E_SPEC_VALUE"),
    "SEC04 on for a switch": ("primary = true", 'primary = "on"', "E_SPEC_VALUE"),
    "SEC05 3,000 brackets": ("seed = 7", f"seed = {'[' * 3_000}{']' * 3_000}", "E_SPEC_SIZE"),
    "SEC05 more than 1 MiB": ("seed = 7", f"seed = 7\n#{'x' * (1 << 20)}", "E_SPEC_SIZE"),
    "SEC06 an unknown key": ("[[outcome]]", "[[outcom]]", "E_SPEC_UNKNOWN"),
}  # fmt: skip


@pytest.mark.parametrize("case", STUDIES)
def test_SEC_study_files_that_are_refused(case: str, tmp_path: Path) -> None:
    old, new, code = STUDIES[case]
    study = small_study.write(tmp_path, study=lambda text: text.replace(old, new, 1))
    with pytest.raises((EvalkitError, ManyErrors)) as caught:
        load_study(study)
    errors = caught.value.exceptions if isinstance(caught.value, ManyErrors) else [caught.value]
    assert code in {error.code for error in errors}
    if code == "E_SPEC_UNKNOWN":
        assert any("did you mean 'outcome'?" in error.hint for error in errors)


def test_SEC04_underscores_are_those_of_the_format(tmp_path: Path) -> None:
    """1_000 is a whole number in TOML, by its specification, and nothing else."""
    study = small_study.write(tmp_path, study=lambda text: text.replace("seed = 7", "seed = 1_000"))
    assert study_file.read_study(study, lambda *_: []).seed == 1_000


def test_SEC07_a_column_may_have_any_name(tmp_path: Path, cli) -> None:
    name = 'a" from t; drop table t; --'

    def renamed(tables: dict[str, small_study.Rows]) -> None:
        for row in tables["firms"]:
            row[name] = row.pop("industry")

    columns = f"columns = {{ industry = '{name}' }}"
    study = small_study.write(
        tmp_path, renamed, lambda s: s.replace('"data/firms.csv"', f'"data/firms.csv"\n{columns}')
    )
    assert run(cli, study).code == 0


def test_SEC09_text_of_others_is_never_a_template(written: Path, tmp_path: Path) -> None:
    """There are no templates of users; an expression in a text of the study is that text."""
    text = "{{ ''.__class__.__mro__ }}{% for x in () %}"
    asked = reports.study(title={"en": text, "ja": text})
    write_report(release(reports.evaluation(study=asked)), tmp_path, ["en"])
    page = (tmp_path / "report.en.html").read_text(encoding="utf-8")
    assert "__class__" in page
    assert "&lt;class" not in page


@pytest.mark.parametrize("query", [
    "select * from read_csv('{outside}')", "copy (select 1) to '{outside}'", "attach '{outside}'", "install httpfs",
    "set enable_external_access = true", "load httpfs",
])  # fmt: skip
def test_SEC11_the_database_reaches_nothing_outside(query: str, tmp_path: Path) -> None:
    outside = tmp_path / "x.csv"
    outside.write_text("a\n1\n")
    with link._database("200MB") as database, pytest.raises(duckdb.Error):
        database.execute(query.format(outside=outside))


def test_SEC12_a_folder_of_firms_that_others_can_read_is_refused(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    assert run(cli, study).code == 0
    before = small_study.tree(tmp_path / "out")
    (tmp_path / "out/small/panel").chmod(0o755)
    answer = run(cli, study)
    assert (answer.code, "E_PERM" in answer.err) == (5, True)
    assert small_study.tree(tmp_path / "out") == before
    (tmp_path / "out/small/panel").chmod(0o700)
    assert run(cli, study).code == 0


def test_SEC13_nothing_published_is_a_hash_of_a_firms_number(tmp_path: Path, cli) -> None:
    """There are no pseudonyms; a plain hash of a public number would be none."""
    study = small_study.write(tmp_path)
    run(cli, study)
    whole = b"".join(p.read_bytes() for p in release_folder(study).rglob("*") if p.is_file())
    for i in range(small_study.N_FIRMS):
        number = small_study.corporate_number(i).encode()
        assert not [
            kind for kind in ("md5", "sha1", "sha256") if hashlib.new(kind, number).hexdigest().encode() in whole
        ]
