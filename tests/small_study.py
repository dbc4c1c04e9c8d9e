"""A whole study of 60 firms in four small files, and ways to spoil it."""

import csv
from collections.abc import Callable
from pathlib import Path

STUDY = """\
format = 1
id = "small"
title.en = "Sixty firms"
title.ja = "六十社"
seed = 7

[sources.awards]
layout = "generic-awards"
path = "data/awards.csv"
columns = { award_date = "交付決定日", amount = "交付決定額" }
unit.amount = "thousand_yen"
[sources.firms]
layout = "generic-firms"
path = "data/firms.csv"
[sources.firm_years]
layout = "generic-firm-years"
path = "data/firm_years.csv"

[treatment]
programme = ["P1"]
[period]
first = 2013
last = 2019

[[outcome]]
name = "sales"
transform = "log"
primary = true
unit = "thousand_yen"

[covariates]
baseline = ["industry"]

[match]
method = "none"
[[estimate]]
method = "group_time"
[[check]]
method = "pretrends"

[report]
languages = ["en"]
[disclosure]
threshold = 1
"""
N_FIRMS, YEARS = 60, range(2013, 2020)
Row = dict[str, str]
Rows = list[Row]


def corporate_number(i: int) -> str:
    """Return the i-th firm's 13 digits, the check digit first."""
    digits = f"{100_000_000_000 + 7919 * i:012d}"
    total = sum(int(d) * (1 + n % 2) for n, d in enumerate(reversed(digits)))
    return f"{9 - total % 9}{digits}"


def tables() -> dict[str, Rows]:
    """Return the rows of the three sources: 12 firms awarded in 2016, 12 in 2017, 36 never."""
    awards, firms, firm_years = Rows(), Rows(), Rows()
    for i in range(N_FIRMS):
        firm, cohort = corporate_number(i), 2016 + i % 2 if i < 24 else 0
        firms.append({"firm_id": firm, "industry": "ABC"[i % 3]})
        if cohort:
            award = {"award_id": f"A{i}", "firm_id": firm, "programme": "P1"}
            awards.append({**award, "交付決定日": f"{cohort}-06-01", "交付決定額": "1,000"})
        for year in YEARS:
            wiggle = (i * 37 + year * 101 + i * year) % 89
            effect = 1.2 if cohort and year >= cohort else 1.0
            sales = round((50_000 + 700 * i) * (1 + 0.02 * (year - 2013) + wiggle / 500) * effect)
            firm_years.append({"firm_id": firm, "fiscal_year": str(year), "sales": str(sales)})
    return {"awards": awards, "firms": firms, "firm_years": firm_years}


def write(
    folder: Path, spoil: Callable[[dict[str, Rows]], None] = lambda _: None, study: Callable[[str], str] = lambda s: s
) -> Path:
    """Write the study below `folder` after `spoil` changed its rows and `study` its text; return the study file."""
    rows = tables()
    spoil(rows)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for name, table in rows.items():
        with (data / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)
    path = folder / "study.toml"
    path.write_text(study(STUDY), encoding="utf-8")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes, and every folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}
