"""Twelve firms, five years and six awards in three small files, written in any format, for tests of `etl`."""

import copy
import csv
import io
from pathlib import Path
from typing import Any

from evalkit.model.study import Study
from evalkit.model.study_file import study_from

YEARS = range(2018, 2023)
FIRMS = range(12)
TREATED = {0: "2020-06-01", 1: "令和2年7月10日", 2: "2021/4/1", 3: "20210331", 4: "R3.10.1", 5: "2021-12-24"}
COHORTS = {0: 2020, 1: 2020, 2: 2021, 3: 2020, 4: 2021, 5: 2021}
"""Fiscal years of the dates above, April start: 31 March 2021 still is fiscal 2020."""

Tables = dict[str, list[dict[str, str]]]


def number(i: int) -> str:
    """Return the i-th valid corporate number, by the rule written out with weights from the left."""
    body = f"{400100 + i:012d}"
    total = sum(int(d) * w for d, w in zip(body, [2, 1] * 6, strict=True))
    return f"{9 - total % 9}{body}"


def sales(i: int, year: int) -> int:
    """Return a firm's sales in thousand yen."""
    return 1000 + 137 * i + 11 * (year - 2018) ** 2 + (i * year) % 17


def tables() -> Tables:
    """Return the three tables; every value is text."""
    return {
        "awards": [
            {
                "award_id": f"A{i}", "法人番号": number(i), "programme": "P1", "交付決定日": date,
                "交付決定額": f"{500 + i:,}",
            }
            for i, date in TREATED.items()
        ],
        "firms": [
            {
                "法人番号": number(i), "firm_name": f"会社{i}", "industry": ["製造業", "小売業"][i % 2],
                "prefecture": f"{i % 3 + 1:02d}",
            }
            for i in FIRMS
        ],
        "firm_years": [
            {
                "法人番号": number(i), "年度": str(y), "売上高": str(sales(i, y)),
                "employees": str(5 + i + (y - 2018)), "margin": f"0.{i + 10}",
            }
            for i in FIRMS
            for y in YEARS
        ],
    }  # fmt: skip


def csv_text(rows: list[dict[str, str]]) -> str:
    """Return rows as CSV, all columns that any row has."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(k for r in rows for k in r)), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write(folder: Path, data: Tables, suffix: str = "csv", encoding: str = "utf-8") -> Path:
    """Write the tables as `awards.<suffix>`, `firms.<suffix>` and `firm_years.<suffix>`."""
    for name, rows in data.items():
        path = folder / f"{name}.{suffix}"
        if suffix == "csv":
            path.write_bytes(csv_text(rows).encode(encoding))
        elif suffix == "parquet":
            _write_parquet(path, rows)
        else:
            _write_excel(path, rows)
    return folder


def _write_parquet(path: Path, rows: list[dict[str, str]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)


def _write_excel(path: Path, rows: list[dict[str, str]]) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for column, name in enumerate(rows[0]):
            for line, text in enumerate([name, *(r[name] for r in rows)]):
                sheet.write_string(line, column, text)


def study_dict(suffix: str = "csv") -> dict[str, Any]:
    """Return the study as a dictionary to change; no limit on rows set aside."""
    ids = {"firm_id": "法人番号"}
    return copy.deepcopy({
        "format": 1, "id": "small", "title": {"en": "Twelve firms"},
        "sources": {
            "awards": {
                "layout": "generic-awards", "path": f"awards*.{suffix}", "unit": {"amount": "thousand_yen"},
                "columns": {**ids, "award_date": "交付決定日", "amount": "交付決定額"},
            },
            "firms": {"layout": "generic-firms", "path": f"firms*.{suffix}", "columns": ids},
            "firm_years": {
                "layout": "generic-firm-years", "path": f"firm_years*.{suffix}", "unit": {"sales": "thousand_yen"},
                "columns": {**ids, "fiscal_year": "年度", "sales": "売上高"},
            },
        },
        "treatment": {"programme": ["P1"]},
        "period": {"first": 2018, "last": 2022},
        "outcome": [{"name": "sales", "transform": "log"}],
        "covariates": {"baseline": ["log_employees", "sales_growth", "industry", "prefecture"]},
        "limits": {"quarantined_rows": 1.0, "quarantined_amount": 1.0},
    })  # fmt: skip


def study(data: dict[str, Any] | None = None) -> Study:
    """Validate a study given as a dictionary; no methods are looked up."""
    return study_from(data or study_dict(), lambda *_: [])
