"""Nothing of one known firm (name, id, amounts) leaves the restricted area, not even by an error or a notebook."""

import base64
import io
import json
import logging
import shutil
import subprocess
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import evalkit as ek
import sites
import small_study
from evalkit.reporting import formats
from evalkit.reporting.document import Document, Terms
from small_study import Rows

NAME, FIRM, AMOUNT = "CANARY_7f3a", "4011001098993", "987654321"
CANARIES = (NAME, FIRM, AMOUNT, "987,654,321", "4-0110-0109-8993")
RESTRICTED = ("panel", "sample", "effects", "checks", "restricted")
"""Folders of a run that only their owner may open."""
PNG = b"\x89PNG\r\n\x1a\n"


def plant(tables: dict[str, Rows]) -> None:
    """Make one supported firm known by name, id and amounts."""
    old = tables["firms"][0]["firm_id"]
    for name, rows in tables.items():
        for row in rows:
            is_known = row["firm_id"] == old
            row["name"] = NAME if is_known else f"Firm {row['firm_id'][-4:]}"
            if is_known:
                amount = {"交付決定額": AMOUNT} if name == "awards" else {}
                row.update(firm_id=FIRM, **amount)
    for row in tables["firm_years"]:
        if row["firm_id"] == FIRM and row["fiscal_year"] == "2015":
            row["sales"] = AMOUNT


def own(tables: dict[str, Rows], table: str) -> dict[str, str]:
    return next(row for row in tables[table] if row["firm_id"] == FIRM)


def hits(content: bytes, name: str) -> Iterator[str]:
    """Yield what is found in a file: in its bytes, in what a zip, a picture or a PDF holds packed."""
    for canary in CANARIES:
        if any(canary.encode(coding) in content for coding in ("utf-8", "utf-16-le")):
            yield f"{name}: {canary}"
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for inner in packed.namelist():
                yield from hits(packed.read(inner), f"{name}/{inner}")
    for chunk in content.split(b"zTXt")[1:] if content.startswith(PNG) else ():
        yield from hits(zlib.decompressobj().decompress(chunk.split(b"\0\0", 1)[1]), name)
    if content.startswith(b"%PDF") and shutil.which("pdftotext"):
        read = subprocess.run(["pdftotext", "-raw", "-", "-"], input=content, check=True, capture_output=True).stdout
        yield from hits(read, f"{name} (text)")


def scan(folder: Path) -> list[str]:
    """Return all that is found outside restricted folders, names of files included."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        place = path.relative_to(folder).as_posix()
        if place.split("/")[0] not in RESTRICTED:
            found += [*hits(path.read_bytes(), place), *hits(place.encode(), "name of a file")]
    return found


def test_the_scan_sees_what_is_there(tmp_path: Path) -> None:
    """Also in a zip, and in UTF-16."""
    (tmp_path / "plain.txt").write_text(f"{NAME} {AMOUNT}")
    (tmp_path / "wide.txt").write_bytes(NAME.encode("utf-16"))
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("sheet.xml", FIRM)
    assert len(scan(tmp_path)) == 4


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="needs pdftotext")
def test_the_scan_sees_what_is_on_paper(tmp_path: Path) -> None:
    said = Document("en", NAME, (), (), Terms(()), (), (), "")
    formats.write(said, tmp_path / "report.pdf")
    assert any("(text)" in found for found in scan(tmp_path))


def in_all_formats(study: str) -> str:
    """Ask for the report in both languages and every format."""
    return study.replace('["en"]', '["en", "ja"]\nformats = ["html", "pdf", "docx", "xlsx", "md"]')


def test_reports_logs_and_output_of_a_run(tmp_path: Path, cli, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    study = small_study.write(tmp_path, plant, in_all_formats)
    told = ""
    for more in ((), ("--json",)):
        answer = cli("run", study, "--out", tmp_path / "out", "--root", tmp_path, *more)
        assert answer.code == 0, answer.err
        told += answer.out + answer.err
    folder = tmp_path / "out" / "small"
    assert FIRM in ek.Panel.load(folder / "panel").firm.to_pylist()
    assert len(list((folder / "release").glob("report.*"))) == 10
    assert scan(folder) == []
    assert list(hits((told + caplog.text).encode(), "output")) == []


def test_a_site_of_editions(tmp_path: Path, cli) -> None:
    """One that is published and one that is held; the amount of sales, which would hide the effect, is not planted."""

    def spoil(tables: dict[str, Rows], factor: float) -> None:
        usual = [row["sales"] for row in tables["firm_years"]]
        plant(tables)
        for row, sales in zip(tables["firm_years"], usual, strict=True):
            row["sales"] = sales
        sites.times(factor)(tables)

    sites.write(tmp_path, spoil=lambda tables: spoil(tables, 1.0))
    told = sites.publish(cli, tmp_path, "2026-01-15")
    sites.write(tmp_path, spoil=lambda tables: spoil(tables, 0.5))
    held = sites.publish(cli, tmp_path, "2026-02-15")
    assert (told.code, held.code) == (0, 9)
    assert FIRM in ek.Panel.load(tmp_path / "runs/small/panel").firm.to_pylist()
    assert (tmp_path / "site/held/small/2026-02-15/report.en.html").is_file()
    assert scan(tmp_path / "site") == []
    assert list(hits(str((told, held)).encode(), "output")) == []


def test_restricted_folders_and_files_are_their_owners(tmp_path: Path, cli) -> None:
    assert cli("run", small_study.write(tmp_path, plant), "--out", tmp_path / "out", "--root", tmp_path).code == 0
    folder = tmp_path / "out" / "small"
    inside = [p for name in RESTRICTED for p in (folder / name, *(folder / name).rglob("*")) if p.exists()]
    assert len(inside) > 10
    modes = {p.relative_to(folder).as_posix(): p.stat().st_mode & 0o777 for p in inside}
    assert {n: oct(m) for n, m in modes.items() if m != (0o700 if (folder / n).is_dir() else 0o600)} == {}


SPOILED = {
    "a date": lambda t: own(t, "awards").update({"交付決定日": f"{NAME}-{AMOUNT}"}),
    "an amount": lambda t: own(t, "awards").update({"交付決定額": NAME}),
    "a check digit": lambda t: [
        r.update(firm_id="5011001098993", name=NAME) for r in t["firms"] if r["firm_id"] == FIRM
    ],
    "sales": lambda t: own(t, "firm_years").update(sales=f"{AMOUNT}x{NAME}"),
    "a loss": lambda t: own(t, "firm_years").update(sales=f"-{AMOUNT}"),
    "two values": lambda t: t["firm_years"].append({**own(t, "firm_years"), "sales": AMOUNT}),
    "a year": lambda t: own(t, "firm_years").update(fiscal_year=FIRM),
    "two industries": lambda t: t["firms"].append({**own(t, "firms"), "industry": NAME}),
}
"""Ways to spoil a row of the firm, values of the firm in all of them."""
SET_ASIDE = ("sales", "a year")
"""Those that set one row aside and let the run go on."""


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("as_json", [False, True])
def test_errors_carry_no_value(how: str, as_json: bool, tmp_path: Path, cli, caplog) -> None:
    caplog.set_level(logging.DEBUG)

    def spoil(tables: dict[str, Rows]) -> None:
        plant(tables)
        SPOILED[how](tables)

    study = small_study.write(tmp_path, spoil)
    answer = cli("run", study, "--out", tmp_path / "out", "--root", tmp_path, *(["--json"] if as_json else []))
    assert answer.code == (0 if how in SET_ASIDE else 3), answer.out
    assert ("E_" in answer.out + answer.err) == (how not in SET_ASIDE)
    assert list(hits((answer.out + answer.err + caplog.text).encode(), how)) == []
    assert scan(tmp_path / "out" / "small") == []


@pytest.mark.parametrize("how", ["a date", "two values", "a loss"])
def test_tracebacks_of_the_library_carry_no_value(how: str, tmp_path: Path) -> None:
    def spoil(tables: dict[str, Rows]) -> None:
        plant(tables)
        SPOILED[how](tables)

    study = ek.load_study(small_study.write(tmp_path, spoil))
    with pytest.raises(Exception) as caught:
        ek.build(study, tmp_path)
    text = "".join(traceback.format_exception(caught.value)) + json.dumps(str(caught.value))
    assert "E_" in text
    assert list(hits(text.encode(), how)) == []


CELLS = (
    "import evalkit as ek\nstudy = ek.load_study('study.toml')\nstudy",
    "with ek.progress():\n    panel = ek.build(study, '.')\npanel", "panel.flow", "panel.flow.to_frame()",
    "sample = ek.match(panel, 'nearest', seed=7, exact=['industry'])\nsample", "sample.dropped",
    "effects = ek.estimate(sample, 'group_time')\neffects", "ek.aggregate(effects, 'overall')",
    "results = [ek.check(sample, effects, name) for name in ('balance', 'overlap', 'pretrends', 'influence')]",
    "results[0]", "results[-1].to_frame()", "ek.figures.event_study(effects)", "ek.figures.love_plot(results[0])",
    "ek.figures.overlap(results[1])", "ek.figures.flow(panel.flow, 'ja')", "ek.figures.cohort_year(effects)",
    "ek.tables.effects(effects)", "ek.tables.effects(effects, 'event_time', language='ja')",
    "ek.tables.balance(results[0])", "ek.tables.checks(results, 'ja')", "ek.tables.check(results[-1])",
    "ek.tables.flow(panel.flow, 'ja')",
    "evaluation = ek.evaluate(study, '.')\nevaluation", "released = ek.release(evaluation)\nreleased",
    "released.to_frame()", "ek.tables.released(released, 'checks')", "ek.report(released, 'out')",
)  # fmt: skip
"""Every verb, record, figure and table that shows itself."""
MISTAKES = (
    "ek.match(panel, 'nearest', exact=['industy'])", "ek.estimate(sample, 'nothing')", "panel.read(['firm_id']) + 1",
    "ek.tables.effects(effects, outcome='sale')", "ek.build(ek.load_study('spoiled/study.toml'), 'spoiled')",
)  # fmt: skip
"""Cells that end in an error with its traceback."""


@pytest.mark.slow
def test_a_notebook_carries_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The executed file as a whole, pictures included: what would be mailed or committed."""

    def spoil(tables: dict[str, Rows]) -> None:
        plant(tables)
        SPOILED["a date"](tables)

    monkeypatch.setenv("PYTHONPATH", str(Path(ek.__file__).parents[1]))
    small_study.write(tmp_path, plant)
    small_study.write(tmp_path / "spoiled", spoil)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in (*CELLS, *MISTAKES)])
    client = NotebookClient(notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    failed = [c.source for c in notebook.cells if any(o.output_type == "error" for o in c.outputs)]
    assert failed == list(MISTAKES)
    assert list(hits(nbformat.writes(notebook).encode(), "notebook")) == []
    told = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=f"one firm:\n{FIRM}\n")])
    assert list(hits(nbformat.writes(nbformat.v4.new_notebook(cells=[told])).encode(), "notebook")) != []
    shown = [o.get("data", {}) for c in notebook.cells for o in c.outputs]
    pictures = [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]
    assert len(pictures) == 5
    assert [found for picture in pictures for found in hits(picture, "picture")] == []
    assert sum("text/html" in data for data in shown) >= 16
