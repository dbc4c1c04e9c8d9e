"""Effects by group of firms, from a study to the page; a group of few firms is hidden with a second one."""

import json
from pathlib import Path

import pytest

import evalkit as ek
import small_study as small

DOSE = '[[estimate]]\nmethod = "dose"\ncuts = [2000000, 4000000]\n[[check]]'


def spoil(n_large: int):
    def change(rows: dict[str, small.Rows]) -> None:
        for i, row in enumerate(rows["awards"]):
            row["交付決定額"] = "9,000" if i < n_large else "3,000" if i % 2 else "1,000"

    return change


def released(folder: Path, n_large: int, threshold: int) -> tuple[ek.Release, str]:
    def study(text: str) -> str:
        text = text.replace('programme = ["P1"]', 'programme = ["P1"]\ndose = true').replace("[[check]]", DOSE)
        return text.replace("threshold = 1", f"threshold = {threshold}")

    found = ek.release(ek.evaluate(ek.load_study(small.write(folder, spoil(n_large), study)), folder))
    ek.report(found, folder / "report")
    return found, (folder / "report" / "report.en.html").read_text(encoding="utf-8")


def test_each_bin_has_a_line(tmp_path: Path) -> None:
    found, page = released(tmp_path, 8, 1)
    rows = found.tables["effects/dose/group"]
    assert [row.labels["group"] for row in rows] == ["< 2,000,000", "2,000,000 - 4,000,000", "4,000,000 +"]
    assert "Group of firms" in page
    assert "2,000,000 - 4,000,000" in page
    ids = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert "effects.dose.group" in json.dumps(ids)


@pytest.mark.parametrize(("n_large", "n_hidden"), [(2, 2), (8, 0)])
def test_a_bin_of_few_firms_is_hidden_with_a_second_one(tmp_path: Path, n_large: int, n_hidden: int) -> None:
    found, _ = released(tmp_path, n_large, 5)
    values = [found.value(row, "estimate") for row in found.tables["effects/dose/group"]]
    assert sum(v is None for v in values) == n_hidden
