"""Archives of imports: what is kept, under which date, and which of it is read."""

import json
from pathlib import Path

import pytest

import etl_inputs as given
from evalkit.errors import DataError, EvalkitError, IntegrityError, StudyError
from evalkit.etl.build import build_panel
from evalkit.etl.source import read_source
from evalkit.etl.vintages import FOLDER, fiscal_year_of, held, imported, label_of, source_files
from evalkit.model import store
from evalkit.model.study import Source, Study

ARCHIVE = Path(FOLDER, "insured")


@pytest.mark.parametrize(
    ("file", "label"),
    [
        ("in/insured_20230401.csv", "2023-04-01"), ("insured-2023-04.zip", "2023-04"),
        ("202304_insured.csv", "2023-04"),
        ("insured2023.csv", "2023"), ("2023/insured.csv", "2023"), ("2022/insured_20230401.csv", "2023-04-01"),
        ("a_2022_2023.csv", ""), ("insured.csv", ""), ("v20231399.csv", ""), ("20230231.csv", ""),
        ("id9120230401.csv", ""),
        ("insured_2023.04.01.csv.gz", "2023-04-01"),
    ],
)  # fmt: skip
def test_the_date_in_a_name(file: str, label: str) -> None:
    assert label_of(file) == label


@pytest.mark.parametrize(
    ("label", "start", "year"),
    [("2023", "04-01", 2023), ("2023-03", "04-01", 2022), ("2023-04", "04-01", 2023), ("2023-03-31", "04-01", 2022),
     ("2023-04-01", "04-01", 2023), ("2023-01-01", "01-01", 2023)],
)  # fmt: skip
def test_the_fiscal_year_of_a_date(label: str, start: str, year: int) -> None:
    assert fiscal_year_of(label, start) == year


def study(**more: object) -> Study:
    """Return the study on twelve firms, its firm-years from snapshots of one file."""
    data = given.study_dict()
    data["sources"]["firm_years"] = {
        "layout": "generic-firms", "path": "insured.csv", "columns": {"firm_id": "法人番号", "sales": "被保険者数"},
        "archive": "insured", "fiscal_year_from": "vintage", **more,
    }  # fmt: skip
    data["covariates"] = {"baseline": ["industry"]}
    return given.study(data)


def snapshot(year: int, bump: int = 0) -> str:
    """Return what the source shows in a year: no year in it."""
    return "法人番号,被保険者数\n" + "".join(f"{given.number(i)},{given.sales(i, year) + bump}\n" for i in given.FIRMS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tables = given.tables()
    del tables["firm_years"]
    return given.write(tmp_path, tables)


def import_years(root: Path) -> Study:
    """Import one snapshot after the other, each over the one before; return the study of the last."""
    for year in given.YEARS:
        (root / "insured.csv").write_text(snapshot(year), encoding="utf-8")
        last = study(vintage=f"{year}-10-01")
        imported(last, root)
    return last


def values(panel) -> list[list[object]]:
    return [panel.read([f"sales@{y}"]).column(0).to_pylist() for y in given.YEARS]


def test_snapshots_become_a_panel(root: Path) -> None:
    last = import_years(root)
    panel = build_panel(last, root)
    firms = sorted(given.number(i) for i in given.FIRMS)
    index = {given.number(i): i for i in given.FIRMS}
    assert values(panel) == [[given.sales(index[f], y) for f in firms] for y in given.YEARS]
    assert panel.firm.to_pylist() == firms


def test_a_file_is_kept_once_under_its_hash_and_closed_to_others(root: Path) -> None:
    (root / "insured.csv").write_text(snapshot(2018), encoding="utf-8")
    for _ in range(2):
        imported(study(vintage="2018"), root)
    names = {p.name for p in (root / ARCHIVE).iterdir()}
    sha256 = store.sha256(root / "insured.csv")
    assert names == {"index.jsonl", f"{sha256}.csv"}
    assert (root / ARCHIVE / f"{sha256}.csv").read_bytes() == (root / "insured.csv").read_bytes()
    assert (root / ARCHIVE / f"{sha256}.csv").stat().st_mode & 0o077 == 0
    assert (root / ARCHIVE).stat().st_mode & 0o077 == 0
    assert (root / FOLDER / ".gitignore").read_text() == "*\n"
    assert [json.loads(line) for line in (root / ARCHIVE / "index.jsonl").read_text().splitlines()] == [{
        "file": "insured.csv", "label": "2018", "layout": "generic-firms", "path": f"{ARCHIVE.as_posix()}/{sha256}.csv",
        "sha256": sha256,
    }]  # fmt: skip


def test_an_unchanged_snapshot_counts_for_its_own_year(root: Path) -> None:
    (root / "insured.csv").write_text(snapshot(2018), encoding="utf-8")
    for label in ("2018", "2019"):
        imported(study(vintage=label), root)
    files = source_files(study(vintage="2019").sources.firm_years, root, "x", "04-01")
    assert sorted(f.fiscal_year for f in files) == ["2018", "2019"]


def test_the_latest_date_of_a_fiscal_year_is_read_as_it_was_imported_last(root: Path) -> None:
    for label, bump in (("2018-05-01", 1), ("2019-03-01", 2), ("2019-03-01", 3), ("2019-03-01", 2), ("2018-07-01", 4)):
        (root / "insured.csv").write_text(snapshot(2018, bump), encoding="utf-8")
        imported(study(vintage=label), root)
    assert len(held(root, "insured")) == 5
    files = source_files(study().sources.firm_years, root, "x", "04-01")
    assert [(f.fiscal_year, f.path.read_text(encoding="utf-8")) for f in files] == [("2018", snapshot(2018, 2))]


def test_files_of_one_date_are_parts_of_one_vintage(root: Path) -> None:
    lines = snapshot(2019).splitlines(keepends=True)
    for name, part in (("a", lines[1:5]), ("b", lines[5:])):
        (root / f"{name}_20190401.csv").write_text(lines[0] + "".join(part), encoding="utf-8")
    source = study(path="?_20190401.csv", archive="").sources.firm_years
    read = read_source("firm_years", source, root)
    assert read.n_rows == len(given.FIRMS)
    assert set(read.texts("fiscal_year").to_pylist()) == {"2019"}
    assert not (root / FOLDER).exists()


def test_a_source_with_years_is_archived_and_read_where_it_is(tmp_path: Path) -> None:
    root = given.write(tmp_path, given.tables())
    data = given.study_dict()
    before = build_panel(given.study(data), root)
    data["sources"]["firm_years"]["archive"] = "insured"
    after = build_panel(given.study(data), root)
    assert after.source.equals(before.source)
    assert [v.file for v in held(root, "insured")] == ["firm_years.csv"]


def test_importing_twice_is_importing_once(root: Path) -> None:
    last = import_years(root)
    index = (root / ARCHIVE / "index.jsonl").read_bytes()
    build_panel(last, root)
    assert (root / ARCHIVE / "index.jsonl").read_bytes() == index


def refused(action) -> EvalkitError:
    with pytest.raises(EvalkitError) as caught:
        action()
    return caught.value


def test_a_file_without_a_date_is_refused(root: Path) -> None:
    (root / "insured.csv").write_text(snapshot(2018), encoding="utf-8")
    error = refused(lambda: build_panel(study(), root))
    assert isinstance(error, DataError)
    assert error.code == "E_VINTAGE"


def test_an_archive_holds_one_layout(root: Path) -> None:
    import_years(root)
    other = study(layout="generic-firm-years")
    assert refused(lambda: source_files(other.sources.firm_years, root, "x", "04-01")).code == "E_VINTAGE"


def test_a_changed_vintage_is_refused(root: Path) -> None:
    last = import_years(root)
    path = next((root / ARCHIVE).glob("*.csv"))
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert isinstance(refused(lambda: source_files(last.sources.firm_years, root, "x", "04-01")), IntegrityError)


def test_a_damaged_index_is_refused(root: Path) -> None:
    import_years(root)
    with (root / ARCHIVE / "index.jsonl").open("a") as index:
        index.write("{")
    assert isinstance(refused(lambda: held(root, "insured")), IntegrityError)


def test_a_path_out_of_the_root_in_the_index_is_refused(root: Path) -> None:
    last = import_years(root)
    index = root / ARCHIVE / "index.jsonl"
    index.write_text(index.read_text().replace(f"{ARCHIVE.as_posix()}/", "../"))
    assert refused(lambda: source_files(last.sources.firm_years, root, "x", "04-01")).code == "E_PATH"


@pytest.mark.parametrize(
    "more",
    [
        {"path": "postgresql:REGISTER"}, {"table": "a.b"}, {"archive": "../x"}, {"vintage": "2023-13"},
        {"path": "postgresql:REGISTER", "table": "a.b", "archive": ""}, {"path": "postgresql:REGISTER", "table": "b"},
        {"path": "postgresql://user:word@host/base", "table": "a.b"}, {"path": "postgresql:low", "table": "a.b"},
        {"fiscal_year_from": "today"},
    ],
)  # fmt: skip
def test_what_a_study_must_not_say(more: dict[str, str]) -> None:
    with pytest.raises((StudyError, ExceptionGroup)) as caught:
        study(**more)
    assert "word" not in repr(caught.value)


def test_other_addresses_stay_refused(root: Path) -> None:
    source = Source(layout="generic-firms", path="https://example.org/a.csv")
    assert refused(lambda: source_files(source, root, "x", "04-01")).code == "E_PATH"
