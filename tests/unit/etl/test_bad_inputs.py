"""Bad inputs: what is refused, with which code and where; what is set aside; what is read exactly all the same."""

import gzip
import os
import zipfile

import pyarrow.parquet as pq
import pytest

import etl_inputs as given
from evalkit.errors import DataError, DesignError, EvalkitError, StudyError, UnknownNameError, each
from evalkit.etl.build import build_panel

YEARS, AWARDS, FIRMS = "firm_years.csv", "awards.csv", "firms.csv"


@pytest.fixture
def folder(tmp_path):
    """Folder with the three files."""
    root = tmp_path / "root"
    root.mkdir()
    return given.write(root, given.tables())


def raw(name, change):
    """Return a spoiler that changes the bytes of one file."""

    def spoil(folder, study):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return spoil


def text(name, old, new):
    """Return a spoiler that replaces the first occurrence of a text in one file."""
    return raw(name, lambda data: data.replace(old.encode(), new.encode(), 1))


def table(name, change):
    """Return a spoiler that changes the rows of one table."""

    def spoil(folder, study):
        data = given.tables()
        data[name] = change(data[name])
        given.write(folder, data)

    return spoil


def declared(*keys, value):
    """Return a spoiler that sets one key of the study."""

    def spoil(folder, study):
        place = study
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value

    return spoil


def both(*spoilers):
    """Return a spoiler that applies several."""

    def spoil(folder, study):
        for one in spoilers:
            one(folder, study)

    return spoil


def fifo(folder, study):
    (folder / YEARS).unlink()
    os.mkfifo(folder / YEARS)


def escape(folder, study):
    (folder.parent / "secret.csv").write_text("x")
    (folder / YEARS).unlink()
    (folder / YEARS).symlink_to(folder.parent / "secret.csv")


def encrypted(folder, study):
    name = "EncryptedPackage".encode("utf-16-le")
    (folder / "firm_years.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + name)
    study["sources"]["firm_years"]["path"] = "firm_years.xlsx"


def bomb(folder, study):
    with zipfile.ZipFile(folder / "firm_years.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 10_000_000)
    study["sources"]["firm_years"]["path"] = "firm_years.xlsx"


def gzip_bomb(folder, study):
    (folder / "firm_years.csv.gz").write_bytes(gzip.compress(bytes(30_000_000)))
    study["sources"]["firm_years"]["path"] = "firm_years.csv.gz"


def crowd(folder, study):
    with zipfile.ZipFile(folder / "firm_years.zip", "w") as archive:
        for i in range(1_001):
            archive.writestr(f"{i}.csv", "")
    study["sources"]["firm_years"]["path"] = "firm_years.zip"


def zipped(folder, study):
    with zipfile.ZipFile(folder / "firms.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2021/firms.csv", (folder / FIRMS).read_bytes())
    study["sources"]["firms"]["path"] = "firms.zip"


def gzipped(folder, study):
    (folder / "years.csv.gz").write_bytes(gzip.compress((folder / YEARS).read_bytes()))
    study["sources"]["firm_years"]["path"] = "years.csv.gz"


def mixed_encodings(data):
    lines = data.decode().split("\n")
    return "\n".join(lines[:7]).encode() + b"\n" + "\n".join(lines[7:]).encode("cp932")


def column(name, value):
    """Return a change of rows that gives one column the same value everywhere."""
    return lambda rows: [{**r, name: value} for r in rows]


def only_cohort_2020(folder, study):
    ids = [given.number(i) for i, year in given.COHORTS.items() if year == 2020]
    given.write(folder, {name: [r for r in rows if r["法人番号"] in ids] for name, rows in given.tables().items()})


def after_award(rows):
    treated = {given.number(i): year for i, year in given.COHORTS.items()}
    return [r if int(r["年度"]) < treated.get(r["法人番号"], 9999) else {**r, "売上高": ""} for r in rows]


REFUSED = [
    ("ING02 header only", raw(YEARS, lambda d: d.split(b"\n")[0] + b"\n"), DataError, "E_NO_ROWS", YEARS),
    ("ING02 empty file", raw(YEARS, lambda d: b""), DataError, "E_NO_ROWS", YEARS),
    ("ING04 UTF-16 without mark", raw(YEARS, lambda d: d.decode().encode("utf-16-le")), DataError, "E_ENCODING", YEARS),
    ("ING06 mixed encodings", raw(FIRMS, mixed_encodings), DataError, "E_ENCODING_MIXED", f"{FIRMS}, line 8"),
    ("ING06 UTF-8 and then neither", raw(FIRMS, lambda d: d + b"\xff\xff,,,\n"), DataError, "E_ENCODING_MIXED",
     f"{FIRMS}, line 14"),
    ("neither UTF-8 nor CP932", raw(FIRMS, lambda d: d.decode().encode("euc-jp")), DataError, "E_ENCODING",
     f"{FIRMS}, line 1"),
    ("ING07 declared otherwise", declared("sources", "firms", "encoding", value="cp932"), DataError,
     "E_ENCODING_MISMATCH", FIRMS),
    ("ING08 latin-1", declared("sources", "firms", "encoding", value="latin-1"), StudyError, "E_SPEC_VALUE",
     "sources.firms.encoding"),
    ("ING13 unclosed quote", text(FIRMS, "会社3", '"会社3'), DataError, "E_CSV_QUOTE", f"{FIRMS}, line 5"),
    ("ING13 unclosed quote after a quoted newline",
     both(text(FIRMS, "会社1", '"会社\n1"'), text(FIRMS, "会社3", '"会社3')), DataError, "E_CSV_QUOTE",
     f"{FIRMS}, line 6"),
    ("ING13 quote inside a field", text(FIRMS, "会社3", '会"社"3'), DataError, "E_CSV_QUOTE", f"{FIRMS}, line 5"),
    ("ING14 one short row", text(FIRMS, ",会社3", ""), DataError, "E_HEADER_WIDTH", f"{FIRMS}, line 5"),
    ("ING15 every row one field more", raw(FIRMS, lambda d: d.replace(b",0", b",9,0")), DataError, "E_HEADER_WIDTH",
     f"{FIRMS}, line 2, 3, 4, 5, 6"),
    ("ING17 duplicate header", text(FIRMS, "prefecture", "industry"), DataError, "E_HEADER_DUP", FIRMS),
    ("ING18 duplicate header, other width", text(FIRMS, "prefecture", " ｉndustry"), DataError, "E_HEADER_DUP", FIRMS),
    ("ING22 semicolons", raw(FIRMS, lambda d: d.replace(b",", b";")), DataError, "E_DELIMITER", FIRMS),
    ("ING22 tabs", raw(FIRMS, lambda d: d.replace(b",", b"\t")), DataError, "E_DELIMITER", FIRMS),
    ("ING57 archive bomb", bomb, DataError, "E_ARCHIVE_LIMIT", "firm_years.xlsx"),
    ("ING57 gzip bomb", gzip_bomb, DataError, "E_ARCHIVE_LIMIT", "firm_years.csv.gz"),
    ("ING57 a thousand members", crowd, DataError, "E_ARCHIVE_LIMIT", "firm_years.zip"),
    ("ING60 html", raw(YEARS, lambda d: b"<html><table></table></html>"), DataError, "E_MAGIC", YEARS),
    ("ING60 xlsx", raw(YEARS, lambda d: b"PK\x03\x04" + d), DataError, "E_MAGIC", YEARS),
    ("ING61 password", encrypted, DataError, "E_ENCRYPTED", "firm_years.xlsx"),
    ("ING62 directory", declared("sources", "firms", "path", value="."), DataError, "E_PATH", "sources.firms.path"),
    ("ING62 fifo", fifo, DataError, "E_PATH", "sources.firm_years.path"),
    ("ING62 link outside", escape, DataError, "E_PATH", "sources.firm_years.path"),
    ("ING62 parent", declared("sources", "firms", "path", value="../firms.csv"), DataError, "E_PATH",
     "sources.firms.path"),
    ("ING62 absolute", declared("sources", "firms", "path", value="/etc/passwd"), DataError, "E_PATH",
     "sources.firms.path"),
    ("ING62 URL", declared("sources", "firms", "path", value="https://example.org/firms.csv"), DataError, "E_PATH",
     "sources.firms.path"),
    ("ING62 home", declared("sources", "firms", "path", value="~/firms.csv"), DataError, "E_PATH",
     "sources.firms.path"),
    ("ING62 NUL", declared("sources", "firms", "path", value="firms\0.csv"), DataError, "E_PATH", "sources.firms.path"),
    ("LNK01 other ids", table("awards", lambda rows: [{**r, "法人番号": given.number(90 + i)} if i > 2 else r
                                                      for i, r in enumerate(rows)]),
     DataError, "E_LINK_RATE", "sources.awards"),
    ("PAN01 duplicate firm-year", table("firm_years", lambda rows: [*rows, {**rows[4], "売上高": "7"}]), DataError,
     "E_PANEL_DUP", f"{YEARS} line 6, {YEARS} line 62"),
    ("PAN09 nothing after the award", table("firm_years", after_award), DesignError, "E_NO_POST", "outcome 'sales'"),
    ("PAN13 no logarithm", table("firm_years", lambda rows: [*rows[1:], {**rows[0], "売上高": "0"}]), DataError,
     "E_NONFINITE", "outcome 'sales'"),
    ("PAN15 constant", table("firm_years", column("売上高", "5")), DataError, "E_NO_VARIANCE", "outcome 'sales'"),
    ("MAT01 no treated firm", declared("treatment", "programme", value=["P9"]), DesignError, "E_NO_TREATED",
     "treatment"),
    ("MAT01 awards before the period", table("awards", column("交付決定日", "2017-05-01")), DesignError,
     "E_NO_TREATED", "treatment"),
    ("MAT01 only firms with awards before the period",
     both(only_cohort_2020, declared("period", "first", value=2021)), DesignError, "E_NO_TREATED", "treatment"),
    ("MAT02 no control firm", only_cohort_2020, DesignError, "E_NO_CONTROL", "treatment"),
    ("award after the end", table("awards", column("交付決定日", "2031-05-01")), DataError, "E_AWARD_AFTER_END",
     "treatment.after_end"),
    ("missing file", declared("sources", "firms", "path", value="firm.csv"), DataError, "E_NO_FILE",
     "sources.firms.path"),
    ("missing column", text(YEARS, "売上高", "売上"), DataError, "E_COLUMN", f"{YEARS}, line 1"),
    ("missing programme", text(AWARDS, "programme", "scheme"), DataError, "E_COLUMN", f"{AWARDS}, line 1"),
    ("share above 1", declared("outcome", value=[{"name": "employees", "transform": "share"}]), DataError, "E_RULE",
     "outcome 'employees'"),
    ("a covariate called cohort", declared("covariates", "baseline", value=[{"name": "cohort", "column": "margin"}]),
     StudyError, "E_SPEC_VALUE", "covariates.baseline"),
    ("binary other than 0 and 1", declared("outcome", value=[{"name": "margin", "transform": "binary"}]), DataError,
     "E_RULE", "outcome 'margin'"),
    ("half numbers, half texts", table("firms", lambda rows: [{**r, "prefecture": ["1", "東京"][i % 2]}
                                                              for i, r in enumerate(rows)]),
     DataError, "E_COLUMN_TYPE", "sources.firms, column 'prefecture'"),
    ("unknown layout", declared("sources", "firms", "layout", value="generic-firm"), UnknownNameError, "E_UNKNOWN_NAME",
     "sources.firms.layout"),
    ("layout of another source", declared("sources", "firms", "layout", value="generic-awards"), StudyError,
     "E_LAYOUT_ROLE", "sources.firms.layout"),
    ("unknown mapped column", declared("sources", "awards", "columns", "awardid", value="採択番号"), UnknownNameError,
     "E_UNKNOWN_NAME", "sources.awards.columns"),
    ("unknown file type", declared("sources", "firms", "path", value="firms.doc"), DataError, "E_FORMAT", "firms.doc"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "kind", "code", "where"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused(folder, tmp_path, spoil, kind, code, where):
    (folder / "firms.doc").write_text("x")
    asked = given.study_dict()
    spoil(folder, asked)
    with pytest.raises((EvalkitError, ExceptionGroup)) as caught:
        build_panel(given.study(asked), folder, tmp_path / "quarantine")
    (error,) = each(caught.value)
    assert (type(error), error.code, error.where) == (kind, code, where)
    assert "会社" not in f"{error} {error.__cause__}"
    assert not (tmp_path / "quarantine").exists()


def first(name, key, value):
    """Return a spoiler that changes one value in the first row of a table."""
    return table(name, lambda rows: [{**rows[0], key: value}, *rows[1:]])


QUARANTINED = [
    ("ING09 NUL", first("firm_years", "売上高", "1\0"), "firm_years", 1, "売上高", "E_CONTROL_CHAR"),
    ("ING10 control in a name", first("firms", "firm_name", "会社\x07"), "firms", 1, "firm_name", "E_CONTROL_CHAR"),
    ("ING10 replacement character", first("firms", "firm_name", "会\ufffd"), "firms", 1, "firm_name", "E_CONTROL_CHAR"),
    ("ING24 undeclared token", first("firm_years", "売上高", "***"), "firm_years", 1, "売上高", "E_NUMBER"),
    *[(f"ING27 {t}", first("firm_years", "売上高", t), "firm_years", 1, "売上高", "E_NUMBER")
      for t in ("1_000", "0x10", "1e3", "inf", "nan", "12,34", "1 000", "--5")],
    ("ING28 fraction of a yen", first("firm_years", "売上高", "1.5"), "firm_years", 1, "売上高", "E_NOT_INTEGER"),
    ("ING33 negative sales", both(first("firm_years", "売上高", "△5"),
                                  declared("sources", "firm_years", "nonnegative", value=["sales"])),
     "firm_years", 1, "売上高", "E_RULE"),
    ("ING40 placeholder", first("awards", "法人番号", "9000000000000"), "awards", 1, "法人番号", "E_PLACEHOLDER"),
    ("ING40 ones", first("awards", "法人番号", "1111111111111"), "awards", 1, "法人番号", "E_PLACEHOLDER"),
    ("ING38 check digit", first("awards", "法人番号", "2835678256246"), "awards", 1, "法人番号", "E_CHECK_DIGIT"),
    ("ING39 eleven digits", first("awards", "法人番号", "28356782562"), "awards", 1, "法人番号", "E_FIRM_ID"),
    ("LNK12 no number", first("awards", "法人番号", ""), "awards", 1, "法人番号", "E_NO_FIRM_ID"),
    *[(f"ING46 {t}", first("awards", "交付決定日", t), "awards", 1, "交付決定日", "E_DATE")
      for t in ("2021-02-30", "20211301", "0000-00-00", "平成31年5月1日", "soon")],
    ("ING47 open end", first("awards", "交付決定日", "9999-12-31"), "awards", 1, "交付決定日", "E_MISSING"),
    ("ING48 serial", first("awards", "交付決定日", "44287"), "awards", 1, "交付決定日", "E_DATE_SERIAL"),
    ("ING52 conflicting awards", table("awards", lambda rows: [*rows, {**rows[0], "交付決定日": "2019-05-01"}]),
     "awards", 2, "award_id", "E_KEY_CONFLICT"),
    ("ING52 conflicting firms", table("firms", lambda rows: [*rows, {**rows[0], "industry": "卸売業"}]),
     "firms", 2, "法人番号", "E_KEY_CONFLICT"),
    ("LNK01 unlinked award", first("awards", "法人番号", given.number(99)), "awards", 1, "法人番号", "E_UNLINKED"),
    ("missing year", first("firm_years", "年度", ""), "firm_years", 1, "年度", "E_MISSING"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "expected"), [(c[1], c[2:]) for c in QUARANTINED], ids=[c[0] for c in QUARANTINED])
def test_set_aside(folder, tmp_path, spoil, expected):
    source, n_rows, column, rule = expected
    asked = given.study_dict()
    spoil(folder, asked)
    panel = build_panel(given.study(asked), folder, tmp_path)
    rows = pq.read_table(tmp_path / f"{source}.parquet").to_pylist()
    places = [(r["file"], r["column"], r["rule"]) for r in rows]
    assert places == [(f"{source}.csv", column, rule)] * n_rows
    assert rows[0]["line"] == 2
    assert sum(s.quarantined for s in panel.flow.steps if rule in s.reason or "no such firm" in s.reason) == n_rows


SAME = [
    ("ING04 UTF-16 with mark", raw(FIRMS, lambda d: d.decode().encode("utf-16"))),
    ("UTF-8 with mark", raw(FIRMS, lambda d: b"\xef\xbb\xbf" + d)),
    ("ING05 CP932", raw(FIRMS, lambda d: d.decode().encode("cp932"))),
    ("ING05 CP932 with NEC and IBM characters", both(text(FIRMS, "会社0", "㈱髙﨑①"),
                                                     raw(FIRMS, lambda d: d.decode().encode("cp932")))),
    ("declared CP932", both(raw(FIRMS, lambda d: d.decode().encode("cp932")),
                            declared("sources", "firms", "encoding", value="cp932"))),
    ("Windows line ends", raw(FIRMS, lambda d: d.replace(b"\n", b"\r\n"))),
    ("blank lines", raw(FIRMS, lambda d: d.replace(b"\n", b"\n\n"))),
    ("no newline at the end", raw(FIRMS, lambda d: d.rstrip())),
    ("ING12 quoted newline", text(FIRMS, "会社3", '"会社\n3"')),
    ("quoted quote and comma", text(FIRMS, "会社3", '"会""社"", 3"')),
    ("ING21 other column order", table("firm_years", lambda rows: [dict(reversed(r.items())) for r in rows])),
    ("ING23 a firm called NA", text(FIRMS, "会社3", "NA")),
    ("ING10 invisible characters", text(FIRMS, "小売業", "小\u200b売\u202e業")),
    ("ING26 full width", table("firm_years", lambda rows: [{**r, "売上高": wide(f"{int(r['売上高']):,}")}
                                                      for r in rows])),
    ("full-width years and ids", table("firm_years", lambda rows: [{**r, "年度": wide(r["年度"]) + "年度",
                                                                    "法人番号": wide(r["法人番号"])} for r in rows])),
    ("ids with hyphens", table("awards", lambda rows: [{**r, "法人番号": hyphened(r["法人番号"])} for r in rows])),
    ("wareki years", table("firm_years", lambda rows: [{**r, "年度": wareki(int(r["年度"]))} for r in rows])),
    ("ING49 timestamps", first("awards", "交付決定日", "2020-04-01T00:00+09:00")),
    ("ING49 timestamps in UTC", first("awards", "交付決定日", "2020-03-31T15:00:00Z")),
    ("ING48 declared day number", both(first("awards", "交付決定日", "43983"),
                                       declared("sources", "awards", "excel_serial", value=True))),
    ("inside a .zip", zipped),
    ("inside a .gz", gzipped),
    ("ignored column", table("firm_years", lambda rows: [{**r, "note": "a,b"} for r in rows])),
    ("rows after one another in several files", lambda folder, study: split(folder)),
]  # fmt: skip


def wide(text):
    return "".join(chr(ord(c) + 0xFEE0) for c in text)


def hyphened(text):
    return f"{text[0]}-{text[1:5]}-{text[5:9]}-{text[9:]}"


def wareki(year):
    return f"平成{year - 1988}年度" if year < 2019 else "令和元年度" if year == 2019 else f"R{year - 2018}"


def split(folder):
    header, *lines = (folder / YEARS).read_text().splitlines(keepends=True)
    for i in range(3):
        (folder / f"firm_years_{i}.csv").write_text(header + "".join(lines[i::3]))
    (folder / YEARS).unlink()


@pytest.mark.parametrize("spoil", [c[1] for c in SAME], ids=[c[0] for c in SAME])
def test_the_same_panel_all_the_same(folder, tmp_path, spoil):
    expected = build_panel(given.study(), folder)
    asked = given.study_dict()
    spoil(folder, asked)
    found = build_panel(given.study(asked), folder)
    assert found.source.equals(expected.source)
    assert found.flow == expected.flow


def test_quoted_newlines_leave_lines_physical(folder, tmp_path):
    data = given.csv_text(given.tables()["firms"]).replace("会社3", '"会社\n3"').replace("会社8", "会社\x01")
    (folder / FIRMS).write_text(data)
    build_panel(given.study(), folder, tmp_path)
    assert pq.read_table(tmp_path / "firms.parquet")["line"].to_pylist() == [11]


def test_ing51_exact_duplicates_collapse_and_are_counted(folder):
    expected = build_panel(given.study(), folder)
    given.write(folder, {name: [*rows, *rows[:2]] for name, rows in given.tables().items()})
    found = build_panel(given.study(), folder)
    assert found.source.equals(expected.source)
    collapsed = {s.step: s.collapsed for s in found.flow.steps if s.step.startswith("distinct")}
    assert collapsed == {"distinct awards": 2, "distinct firms": 2, "distinct firm-years": 2}


def test_missing_tokens_are_declared(folder):
    data = given.tables()
    for row, token in zip(data["firm_years"], ("-", "…", "***", "X", "χ", "△"), strict=False):
        row["売上高"] = token
    given.write(folder, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["missing"] = ["-", "…", "***", "X", "χ", "△"]
    panel = build_panel(given.study(asked), folder)
    assert sum(panel.to_frame().filter(like="sales@").isna().sum()) == 6
    assert not any("E_NUMBER" in s.reason for s in panel.flow.steps)


def test_kinds_of_missing_values_are_told_apart_and_counted(folder):
    data = given.tables()
    for row, token in zip(data["firm_years"], ("-", "X", "χ", "***", ""), strict=False):
        row["employees"] = token
    given.write(folder, data)
    asked = given.study_dict()
    asked["outcome"].append({"name": "employees"})
    asked["sources"]["firm_years"] |= {"missing": ["***"], "suppressed": ["X", "χ"], "zero": {"employees": "-"}}
    asked["covariates"] = {}
    panel = build_panel(given.study(asked), folder)
    assert (panel.to_frame().filter(like="employees@") == 0).sum().sum() == 1
    assert panel.to_frame().filter(like="employees@").isna().sum().sum() == 4
    (found,) = [s for s in panel.flow.steps if s.step == "read firm-years"]
    assert found.reason == "not available: 2, suppressed: 2, zero: 1"


def test_a_shared_award_treats_all_its_firms(folder):
    data = given.tables()
    data["awards"].append({**data["awards"][0], "法人番号": given.number(7)})
    given.write(folder, data)
    asked = given.study_dict()
    asked["treatment"]["consortium"] = "equal"
    panel = build_panel(given.study(asked), folder)
    cohorts = panel.to_frame().set_index("firm_id")["cohort"]
    assert cohorts[given.number(7)] == cohorts[given.number(0)] == 2020
    (found,) = [s for s in panel.flow.steps if s.step == "shares"]
    assert (found.n_in, found.kept) == (7, 7)


def test_a_cancelled_award_leaves_its_firm_a_control(folder):
    data = given.tables()
    data["awards"].append({**data["awards"][0], "交付決定日": "2020-08-01", "交付決定額": "▲500"})
    given.write(folder, data)
    panel = build_panel(given.study(), folder)
    cohorts = panel.to_frame().set_index("firm_id")["cohort"]
    assert cohorts.isna()[given.number(0)]
    assert cohorts.notna().sum() == len(given.COHORTS) - 1


def test_ing37_twelve_digits_are_completed_and_counted(folder):
    expected = build_panel(given.study(), folder)
    data = given.tables()
    data["awards"] = [{**r, "法人番号": r["法人番号"][1:]} for r in data["awards"]]
    given.write(folder, data)
    found = build_panel(given.study(), folder)
    assert found.source.equals(expected.source)
    assert found.flow.steps[0].reason == "6 corporate numbers completed with their check digit"


NEGATIVES = ("△1,234", "▲1234", "(1,234)", "\u22121234", "▲ 1,234", "△１，２３４", "-1,234")


@pytest.mark.parametrize("text", NEGATIVES, ids=[f"ING25 {t}" for t in NEGATIVES])
def test_japanese_negatives_are_exact(folder, text):
    first("firm_years", "売上高", text)(folder, None)
    asked = given.study_dict()
    asked["outcome"], asked["covariates"] = [{"name": "sales"}], {}
    panel = build_panel(given.study(asked), folder)
    rows = {r["firm_id"]: r["sales@2018"] for r in panel.read(["firm_id", "sales@2018"]).to_pylist()}
    assert rows[given.number(0)] == -1_234_000


WAREKI = {
    "令和3年4月1日": 2021, "R3.4.1": 2021, "R3.3.31": 2020, "H31/4/30": 2019, "平成31年3月31日": 2018,
    "令和元年5月1日": 2019, "昭和64年1月7日": 1988, "昭和元年12月25日": 1926, "平成元年1月8日": 1988,
    "令和元年4月30日": None, "平成31年5月1日": None, "昭和64年1月8日": None, "平成元年1月7日": None,
    "昭和元年12月24日": None,
}  # fmt: skip


@pytest.mark.parametrize("text", WAREKI, ids=[f"ING43 {t}" for t in WAREKI])
def test_wareki_dates_inside_their_era(folder, tmp_path, text):
    first("awards", "交付決定日", text)(folder, None)
    panel = build_panel(given.study(given.study_dict() | {"covariates": {}}), folder, tmp_path)
    cohorts = dict(zip(panel.firm.to_pylist(), panel.cohort.tolist(), strict=True))
    assert cohorts[given.number(0)] == (WAREKI[text] or 0)
    rows = pq.read_table(tmp_path / "awards.parquet").to_pylist()
    expected = [] if WAREKI[text] else [("awards.csv", 2, "交付決定日", "E_DATE")]
    assert [(r["file"], r["line"], r["column"], r["rule"]) for r in rows] == expected


def revised(folder):
    """Write codes of which one is known until 2019 only, and another never; return a study that declares the list."""
    data = given.tables()
    for row in data["firm_years"]:
        i, year = int(row["法人番号"][-2:]) % 3, int(row["年度"])
        row["jsic"] = [("05" if year < 2020 else "06"), "10", "99"][i] if year > 2018 else ""
    given.write(folder, data)
    (folder / "jsic14.csv").write_text("code,label\n06,mining\n10,drinks\n")
    (folder / "from13.csv").write_text("former_code,code\n05,06\n99,10\n99,06\n")
    asked = given.study_dict()
    asked["sources"]["firm_years"]["codes"] = {"jsic": "jsic14.csv"}
    return asked


BY_CODE = {"where": [{"column": "jsic", "at": "baseline", "in": ["05", "06", "10", "99"]}]}


def test_ing42_unknown_codes_are_counted_by_year(folder):
    asked = revised(folder) | {"population": BY_CODE}
    (found,) = [s for s in build_panel(given.study(asked), folder).flow.steps if s.step == "codes: jsic"]
    assert (found.unit, found.n_in, found.kept) == ("rows", 60, 60)
    assert found.reason == "E_CODE_UNKNOWN: 20; 2019: 8, 2020: 4, 2021: 4, 2022: 4"


def test_ing42_firms_are_compared_by_revised_codes_with_a_concordance_only(folder):
    asked = revised(folder)
    asked["covariates"] = {"baseline": ["jsic"]}
    with pytest.raises(DataError) as caught:
        build_panel(given.study(asked), folder)
    assert (caught.value.code, caught.value.where) == ("E_CODE_UNKNOWN", "sources.firm_years, column 'jsic'")
    asked["sources"]["firm_years"]["concordance"] = {"jsic": "from13.csv"}
    panel = build_panel(given.study(asked), folder)
    (found,) = [s for s in panel.flow.steps if s.step == "codes: jsic"]
    assert found.reason == "E_CODE_UNKNOWN: 16; former codes: 4; 2019: 4, 2020: 4, 2021: 4, 2022: 4"
    assert set(panel.to_frame()["jsic"]) == {"06", "10", "99"}


@pytest.mark.parametrize(
    ("change", "kind", "code", "where"),
    [
        ({"codes": {"other": "jsic14.csv"}}, StudyError, "E_SPEC_VALUE", "sources.firm_years.codes"),
        ({"codes": {"jsic": "no.csv"}}, DataError, "E_NO_FILE", "sources.firm_years.codes"),
        ({"codes": {"jsic": "../jsic14.csv"}}, DataError, "E_PATH", "sources.firm_years.codes"),
        ({"codes": {"jsic": "from13.csv"}, "concordance": {"jsic": "jsic14.csv"}}, DataError, "E_COLUMN",
         "jsic14.csv, line 1"),
        ({"codes": {}, "concordance": {"jsic": "from13.csv"}}, StudyError, "E_SPEC_VALUE", "sources.firm_years"),
    ],
    ids=["column not used", "no file", "outside", "no former codes", "no list"],
)  # fmt: skip
def test_ing42_lists_that_are_refused(folder, change, kind, code, where):
    asked = revised(folder) | {"population": BY_CODE}
    asked["sources"]["firm_years"] |= change
    with pytest.raises((EvalkitError, ExceptionGroup)) as caught:
        build_panel(given.study(asked), folder)
    (error,) = each(caught.value)
    assert (type(error), error.code, error.where) == (kind, code, where)


def test_nonpositive_values_may_be_missing_and_are_counted(folder):
    data = given.tables()
    data["firm_years"][0]["売上高"] = "▲ 5"
    given.write(folder, data)
    asked = given.study_dict()
    asked["outcome"][0]["nonpositive"] = "missing"
    panel = build_panel(given.study(asked), folder)
    (found,) = [s for s in panel.flow.steps if s.step == "outcome 'sales'"]
    assert (found.n_in, found.kept, found.quarantined) == (60, 59, 1)


def test_all_problems_of_a_stage_are_raised_together(folder):
    (folder / FIRMS).unlink()
    raw(YEARS, lambda d: b"<html>")(folder, None)
    asked = given.study_dict()
    with pytest.raises(ExceptionGroup) as caught:
        build_panel(given.study(asked), folder)
    assert [e.code for e in each(caught.value)] == ["E_NO_FILE", "E_MAGIC"]


def test_all_missing_columns_are_raised_together_with_the_nearest_header(folder):
    text(YEARS, "売上高", "売上げ高")(folder, None)
    text(AWARDS, "交付決定日", "交付決定年月日")(folder, None)
    with pytest.raises(ExceptionGroup) as caught:
        build_panel(given.study(), folder)
    assert [(e.code, e.hint.split("?")[0]) for e in each(caught.value)] == [
        ("E_COLUMN", "did you mean '交付決定年月日'"),
        ("E_COLUMN", "did you mean '売上げ高'"),
    ]
