"""A later run in the same folder knows what the earlier one showed."""

import json
from pathlib import Path

import small_study
from small_study import Rows

N_NEW = 3


def study(text: str) -> str:
    return text.replace("threshold = 1\n", "threshold = 10\n")


def without_some(tables: dict[str, Rows]) -> None:
    """Leave out three of the comparison firms."""
    gone = {row["firm_id"] for row in tables["firms"][-N_NEW:]}
    for name, rows in tables.items():
        tables[name] = [row for row in rows if row["firm_id"] not in gone]


def numbers(folder: Path) -> dict[str, object]:
    return {n["id"]: n["value"] for n in json.loads((folder / "release" / "results.json").read_text())}


def test_three_more_firms_are_not_told_and_the_run_can_be_verified(tmp_path: Path, cli) -> None:
    out, folder = ("--out", tmp_path / "out", "--root", tmp_path), tmp_path / "out" / "small"
    path = small_study.write(tmp_path, without_some, study)
    assert cli("run", path, *out).code == 0
    first = numbers(folder)
    ledger = (folder / "release" / "ledger.jsonl").read_text()
    assert first["sample.n_control"] == 36 - N_NEW

    small_study.write(tmp_path, study=study)
    assert cli("run", path, *out).code == 0
    second = numbers(folder)
    assert second["sample.n_control"] is None
    assert second["sample.n_treated"] == first["sample.n_treated"] == 24
    assert second["disclosure.changed"] > 0
    assert (folder / "release" / "ledger.jsonl").read_text().startswith(ledger)

    before = small_study.tree(folder)
    (folder / "release" / "results.json").unlink()
    assert cli("run", path, *out).code == 0
    assert small_study.tree(folder) == before
    answer = cli("verify", folder, "--root", tmp_path)
    assert answer.code == 0, answer.err
