"""Sources that are missing or too old on a day."""

from pathlib import Path

import pytest

import evalkit as ek
import small_study
from evalkit.errors import DataError, StudyError
from evalkit.etl.lateness import Late, late_sources

LINE = 'path = "data/firm_years.csv"\n'


def study(folder: Path, more: str = "", ages: str = "firm_years = 30", path: str = LINE) -> ek.Study:
    def change(text: str) -> str:
        return text.replace(LINE, path + more) + f"\n[publish]\nmax_age_days = {{ {ages} }}\n"

    return ek.load_study(small_study.write(folder, study=change))


@pytest.mark.parametrize(("vintage", "last_good", "since"), [
    ("2026-01-01", "2026-01-31", "2026-02-01"), ("2026-01", "2026-01-31", "2026-02-01"),
    ("2026", "2026-01-31", "2026-02-01"), ("2024-02-28", "2024-03-29", "2024-03-30"),
])  # fmt: skip
def test_the_last_day_is_still_good(tmp_path: Path, vintage: str, last_good: str, since: str) -> None:
    asked = study(tmp_path, f'vintage = "{vintage}"\n')
    assert late_sources(asked, tmp_path, last_good) == []
    assert late_sources(asked, tmp_path, since) == [Late("firm_years", vintage, since)]
    assert late_sources(asked, tmp_path, "2030-01-01") == [Late("firm_years", vintage, since)]


def test_the_newest_file_counts(tmp_path: Path) -> None:
    asked = study(tmp_path, path='path = "data/years_*.csv"\n')
    for label in ("2025-06-30", "2026-01-01"):
        (tmp_path / f"data/years_{label}.csv").write_text("", encoding="utf-8")
    assert late_sources(asked, tmp_path, "2026-02-01") == [Late("firm_years", "2026-01-01", "2026-02-01")]


def test_what_an_archive_holds_counts(tmp_path: Path) -> None:
    asked = study(tmp_path, 'vintage = "2025-01-01"\narchive = "years"\n')
    (tmp_path / "vintages/years").mkdir(parents=True)
    line = '{"file": "a", "label": "2026-01-15", "layout": "l", "path": "p", "sha256": ""}\n'
    (tmp_path / "vintages/years/index.jsonl").write_text(line, encoding="utf-8")
    assert late_sources(asked, tmp_path, "2026-02-14") == []
    assert [late.newest for late in late_sources(asked, tmp_path, "2026-02-15")] == ["2026-01-15"]


def test_missing_files_of_all_sources(tmp_path: Path) -> None:
    asked = study(tmp_path, 'vintage = "2026-01-01"\n')
    for name in ("awards", "firm_years"):
        (tmp_path / f"data/{name}.csv").unlink()
    assert late_sources(asked, tmp_path, "2026-01-02") == [Late("awards"), Late("firm_years")]


def test_a_table_of_a_database_is_dated_by_its_vintage(tmp_path: Path) -> None:
    table = 'path = "postgresql:REGISTER"\ntable = "s.t"\narchive = "t"\nvintage = "2026-01-01"\n'
    asked = study(tmp_path, path=table)
    assert late_sources(asked, tmp_path, "2026-01-31") == []
    assert late_sources(asked, tmp_path, "2026-02-01") == [Late("firm_years", "2026-01-01", "2026-02-01")]


def test_what_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        late_sources(study(tmp_path), tmp_path, "2026-01-01")
    assert (caught.value.code, caught.value.where) == ("E_VINTAGE", "sources.firm_years.path")
    with pytest.raises(StudyError, match="no source 'mergers'"):
        late_sources(study(tmp_path, ages="mergers = 3"), tmp_path, "2026-01-01")
    with pytest.raises(DataError) as caught:
        late_sources(study(tmp_path, path='path = "../x.csv"\n'), tmp_path, "2026-01-01")
    assert caught.value.code == "E_PATH"
