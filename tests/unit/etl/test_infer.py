"""What an unknown file seems to be, and the layout proposed for it read back."""

import tomllib

import pytest

from evalkit.etl import layouts
from evalkit.etl.conform import conform
from evalkit.etl.infer import guess_type, propose
from evalkit.etl.source import read_source
from evalkit.model.study import Source
from layout_inputs import IDS, csv_bytes, workbook

TITLES = ["採択事業者一覧", "（単位：千円）"]
HEADER = ["受付番号", "法人番号", "補助金交付先名", "交付決定額", "交付決定年月日"]
ROWS = [[str(i), IDS[i], f"会社{i}", f"1,{i}00", "令和3年4月1日"] for i in range(4)]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "tsv"])
def test_headers_below_titles(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    rows = [[title, *[""] * 4] for title in TITLES] + [HEADER, *ROWS]
    if suffix == "xlsx":
        workbook(path, {"a": rows})
    elif suffix == "csv":
        path.write_bytes(csv_bytes(rows, "cp932"))
    else:
        path = tmp_path / "a.txt"
        path.write_text("\n".join("\t".join(row) for row in rows))
    found = propose(path)
    assert found.layout.name == "grant-decisions"
    assert [(c.header, c.name, c.type, c.unit) for c in found.columns] == [
        ("受付番号", "", "number", ""), ("法人番号", "firm_id", "firm_id", ""),
        ("補助金交付先名", "firm_name", "category", ""), ("交付決定額", "amount", "number", "thousand_yen"),
        ("交付決定年月日", "award_date", "date", ""),
    ]  # fmt: skip
    assert found.encoding == {"csv": "cp932", "xlsx": "", "tsv": "utf-8"}[suffix]
    assert not any(value in found.toml() for row in ROWS for value in row[1:])


def test_the_proposal_is_a_layout_that_reads_the_file(tmp_path):
    (tmp_path / "a.csv").write_bytes(csv_bytes([[TITLES[1], *[""] * 4], HEADER, *ROWS], "cp932"))
    (tmp_path / "mine.toml").write_text(propose(tmp_path / "a.csv").toml())
    source = read_source("awards", Source(layout="mine.toml", path="a.csv"), tmp_path)
    rows = conform(source, source.layout.fields).rows
    assert rows["amount"].to_pylist() == [1_000_000, 1_100_000, 1_200_000, 1_300_000]
    assert str(rows["award_date"][0]) == "2021-04-01"


def test_files_without_headers(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        csv_bytes([["1", IDS[0], "01", "2021-07-14", "会社"], ["2", IDS[1], "12", "2021-07-14", ""]])
    )
    found = propose(tmp_path / "a.csv")
    assert found.header.rule == "none"
    assert [c.type for c in found.columns] == ["number", "firm_id", "category", "date", "category"]
    layout = layouts.parse("mine", tomllib.loads(found.toml()))
    assert layout.header.names == tuple(f.name for f in layout.fields)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["2019", "令和2年度", "H30"], "year"),
        (["1,000", "", "▲3", "***"], "number"),
        (["0.5", "7"], "number"),
        (["01", "13"], "category"),
        (["a", "1"], "category"),
        (["", "-"], "category"),
        (["20210401", "20210402"], "date"),
        ([IDS[0], IDS[1]], "firm_id"),
    ],
)
def test_types(texts, kind):
    assert guess_type(texts) == kind
