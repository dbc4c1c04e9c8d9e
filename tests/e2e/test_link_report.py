"""`evalkit build --report` on awards that are linked by name; code lists are inputs of a build."""

import json
from pathlib import Path

import etl_inputs as given
from award_inputs import by_name, named_tables


def write(folder: Path, data: dict) -> Path:
    path = folder / "study.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
    return path


def toml(value) -> str:
    """Return a value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def command(cli, study: Path, *more: str):
    return cli("build", study, "--root", study.parent, "--out", str(study.parent / "out"), *more)


def test_the_report_tells_how_good_links_are(tmp_path: Path, cli) -> None:
    given.write(tmp_path, named_tables())
    (tmp_path / "sample.csv").write_text(f"award_id,firm_id\nA0,{given.number(0)}\nA1,\nA3,{given.number(3)}\n")
    study = write(tmp_path, by_name(sample="sample.csv"))
    answer = command(cli, study, "--report")
    assert answer.code == 0, answer.err
    for words in ("legal_forms", "link_sample", "identities", "E_ID_MISMATCH", "E_FIRM_TWICE", "percent_covered"):
        assert words in answer.out
    assert not any(given.number(i) in answer.out for i in given.FIRMS)
    found = json.loads((tmp_path / "out/small/panel/quality.json").read_text())
    assert (found["link_sample"][0]["percent_precision"], found["link_sample"][0]["percent_recall"]) == (100, 100)
    assert found["verdict"] == "red"
    assert (tmp_path / "out/small/restricted/quarantine/links.parquet").stat().st_mode & 0o077 == 0


def test_a_code_list_that_changed_builds_anew(tmp_path: Path, cli) -> None:
    given.write(tmp_path, given.tables())
    (tmp_path / "codes.csv").write_text("code\n製造業\n小売業\n")
    data = given.study_dict()
    data["sources"]["firms"]["codes"] = {"industry": "codes.csv"}
    study = write(tmp_path, data)
    assert "wrote" in command(cli, study).out
    assert "nothing changed" in command(cli, study).out
    (tmp_path / "codes.csv").write_text("code\n製造業\n小売業\n卸売業\n")
    assert "wrote" in command(cli, study).out
    (tmp_path / "codes.csv").write_text("code\n製造業\n")
    answer = command(cli, study)
    assert (answer.code, "E_CODE_UNKNOWN" in answer.err) == (3, True)
