"""The example studies: same bytes, planted dirt counted, and what is in the repository is what is written."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import evalkit as ek
from corporate_number import check_digit
from evalkit import examples
from evalkit.examples.sme_demo import OTHER_PROGRAMME, PROGRAMME, _date_text, _day

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    for name in examples.NAMES:
        examples.write(name, folder)
    return folder


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_repository_holds_what_is_written(written: Path, name: str) -> None:
    for kind in ("pipelines", "sample_data"):
        files = sorted(p for p in (written / kind / name).iterdir())
        assert files
        for path in files:
            assert path.read_bytes() == (ROOT / kind / name / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", examples.NAMES)
def test_the_study_is_valid(written: Path, name: str) -> None:
    study = ek.load_study(written / "pipelines" / name / "study.toml")
    assert study.id == name
    assert set(study.title) == {"en", "ja"}
    assert all(set(o.label) == {"en", "ja"} for o in study.outcome)


def test_planted_dirt_is_counted(written: Path) -> None:
    folder = written / "sample_data" / "sme-demo"
    planted = json.loads((folder / "truth.json").read_text())["planted"]
    rows = list(csv.reader(io.StringIO((folder / "awards.csv").read_bytes().decode("cp932"))))[1:]
    assert len(rows) == planted["award_rows"]
    assert len(rows) - len({tuple(r) for r in rows}) == planted["duplicate_award_rows"]
    assert sum(int(r[1][0]) != check_digit(r[1]) for r in rows) == planted["wrong_corporate_numbers"] == 6
    assert len({r[0] for r in rows if r[3] == OTHER_PROGRAMME}) == planted["other_programme_awards"]
    n_own = len({r[0] for r in rows if r[3] == PROGRAMME})
    assert n_own == planted["first_awards"] + planted["repeat_awards"]
    table = pq.read_table(folder / "firm_years.parquet")
    assert set(map(str, table.schema.types)) == {"string"}
    keys = list(zip(table["法人番号"].to_pylist(), table["年度"].to_pylist(), strict=True))
    assert len(keys) - len(set(keys)) == planted["firm_year_duplicates"]


def test_award_days_lie_in_the_fiscal_year() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    days = [_day(2018, rng) for _ in range(500)]
    assert min(days) >= date(2018, 4, 1)
    assert max(days) <= date(2019, 3, 31)
    assert any(d.month <= 3 for d in days)


@pytest.mark.parametrize(("day", "expected"), [
    (date(2019, 4, 30), {"2019-04-30", "2019/4/30", "H31.4.30", "平成３１年４月３０日", "平成31年4月30日"}),
    (date(2019, 5, 1), {"2019-05-01", "2019/5/1", "R1.5.1", "令和元年５月１日", "令和元年5月1日"}),
])  # fmt: skip
def test_era_dates_change_on_the_right_day(day: date, expected: set[str]) -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    assert {_date_text(day, rng) for _ in range(200)} == expected


def test_michigan_is_the_published_panel(written: Path) -> None:
    folder = written / "sample_data" / "michigan-training-grants"
    years = list(csv.DictReader((folder / "firm_years.csv").open()))
    awards = list(csv.DictReader((folder / "awards.csv").open()))
    assert (len({r["firm_id"] for r in years}), len(years)) == (157, 471)
    reported = [r["firm_id"] for r in years if r["scrap_rate"]]
    complete = {f for f in reported if reported.count(f) == 3}
    assert (len(complete), sum(f in complete for f in reported)) == (54, 162)
    in_sample = [a["fiscal_year"] for a in awards if a["firm_id"] in complete]
    assert (in_sample.count("1988"), in_sample.count("1989")) == (19, 10)


def test_unknown_example_names_the_nearest(tmp_path) -> None:
    with pytest.raises(ek.EvalkitError, match="sme-demo"):
        examples.write("sme-dmo", tmp_path)
