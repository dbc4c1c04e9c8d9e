"""CPU seconds and memory of `build` beside the same job in other packages, on seeded raw sources.

Usage: python benchmarks/build.py [--firms 1000000] [--repeats 3] [--csv] [--peers PYTHON] [--folder bench-work]

The job: firms (string ids of 13 digits), firms x 10 years (long, every year in another order), awards (3 % of the
firms, repeats, duplicates, unknown ids). Filter the awards by programme, drop duplicates, find the first award of each
firm, join, add lags or baseline values, and write one file. `build` writes one row per firm; the peers write one row
per firm and year with lags; `polars-wide` and `duckdb-wide` write one row per firm too. `duckdb-read` only reads the
firm-years, and `evalkit-read` reads and types them. Each run is a process of its own; peers run in the interpreter
given by --peers, where it has them.
"""

import argparse
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

YEARS = range(2014, 2024)
PROGRAMMES = tuple(f"P{i}" for i in range(7))
PEERS = ("polars", "polars-wide", "pandas", "duckdb", "duckdb-wide", "duckdb-read")

STUDY = """
format = 1
id = "bench"
title.en = "Benchmark"
[sources.awards]
layout = "generic-awards"
path = "awards.{suffix}"
columns = {{ firm_id = "corporate_number", programme = "program", amount = "amount_kyen" }}
unit.amount = "thousand_yen"
[sources.firms]
layout = "generic-firms"
path = "firms.{suffix}"
columns = {{ firm_id = "corporate_number" }}
types = {{ industry = "category", prefecture = "category", size_class = "category" }}
[sources.firm_years]
layout = "generic-firm-years"
path = "performance.{suffix}"
columns = {{ firm_id = "corporate_number", sales = "sales_kyen", value_added = "value_added_kyen" }}
unit = {{ sales = "thousand_yen", value_added = "thousand_yen" }}
[treatment]
programme = {programmes}
[period]
first = 2014
last = 2023
[covariates]
baseline = ["industry", "prefecture", "size_class", "log_employees", "sales_growth",
            {{ name = "trend", column = "base_growth" }}]
[[outcome]]
name = "sales"
transform = "log"
[[outcome]]
name = "employees"
transform = "log"
[[outcome]]
name = "value_added"
transform = "log"
"""

MEASURE = """
import os
{work}
t = os.times()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
import json
print(json.dumps({{"cpu_s": t.user + t.system, "wall_s": t.elapsed - {start}, "peak_gib": peak / 2**20}}))
"""

OURS = """
from pathlib import Path
import evalkit as ek
folder = Path({folder!r})
ek.build(ek.load_study(folder / "study.{suffix}.toml"), folder, folder / "out" / "quarantine").save(folder / "out")
"""

OURS_READ = """
from pathlib import Path
import evalkit as ek
from evalkit.etl.conform import conform
from evalkit.etl.layouts import Field
from evalkit.etl.source import read_source
from evalkit.engine.memory import system_memory
folder = Path({folder!r})
study = ek.load_study(folder / "study.{suffix}.toml")
with system_memory():
    rows = read_source("firm_years", study.sources.firm_years, folder)
    numbers = [Field(name, "number") for name in ("sales", "employees", "value_added")]
    conform(rows, [Field("firm_id", "firm_id", required=True), Field("fiscal_year", "year", required=True), *numbers])
"""

READ = """
import os
folder, suffix, programmes = {folder!r}, {suffix!r}, {programmes!r}
os.makedirs(folder + "/out", exist_ok=True)
def path(name):
    return folder + "/" + name + "." + suffix
"""

POLARS = """
import polars as pl
def scan(name):
    if suffix == "parquet":
        return pl.scan_parquet(path(name))
    return pl.scan_csv(path(name), schema_overrides={{"corporate_number": pl.String}}, try_parse_dates=True)
key = "corporate_number"
awards = scan("awards").filter(pl.col("program").is_in(programmes))
awards = awards.unique([key, "program", "award_date", "amount_kyen"]).group_by(key).agg(
    cohort=pl.col("award_date").min().dt.year(), n_awards=pl.len(), amount=pl.col("amount_kyen").sum())
"""
PEER = {
    "polars": POLARS
    + """
rows = scan("performance").join(scan("firms"), on=key).join(awards, on=key, how="left").with_columns(
    firm=pl.col(key).cast(pl.Int64), log_sales=pl.col("sales_kyen").log()).drop(key).sort("firm", "fiscal_year")
lag = pl.when(pl.col("firm") == pl.col("firm").shift(1)).then(pl.col("log_sales").shift(1))
rows = rows.with_columns(lag_log_sales=lag).with_columns(growth=pl.col("log_sales") - pl.col("lag_log_sales"))
rows.sink_parquet(folder + "/out/polars.parquet", compression="snappy", engine="streaming")
""",
    "polars-wide": POLARS
    + """
values = [pl.col(v).filter(pl.col("fiscal_year") == y).first().alias(f"{{v}}@{{y}}")
          for v in ("sales_kyen", "employees", "value_added_kyen") for y in range(2014, 2024)]
wide = scan("performance").with_columns(firm=pl.col(key).cast(pl.Int64)).group_by("firm").agg(values)
firms = scan("firms").with_columns(firm=pl.col(key).cast(pl.Int64))
rows = wide.join(firms, on="firm").join(awards, on=key, how="left").sort("firm")
rows.sink_parquet(folder + "/out/polars.parquet", compression="snappy", engine="streaming")
""",
    "pandas": """
import pandas as pd, numpy as np
read = pd.read_parquet if suffix == "parquet" else (lambda p: pd.read_csv(p, dtype={{"corporate_number": str}}))
key = "corporate_number"
awards = read(path("awards"))
awards = awards[awards["program"].isin(programmes)]
awards["award_date"] = pd.to_datetime(awards["award_date"])
awards = awards.drop_duplicates([key, "program", "award_date", "amount_kyen"])
awards = awards.groupby(key, as_index=False).agg(
    cohort=("award_date", "min"), n_awards=("award_id", "size"), amount=("amount_kyen", "sum"))
awards["cohort"] = awards["cohort"].dt.year
rows = read(path("performance")).merge(read(path("firms")), on=key).merge(awards, on=key, how="left")
rows["firm"] = rows[key].astype("int64")
rows["log_sales"] = np.log(rows["sales_kyen"])
rows = rows.drop(columns=key).sort_values(["firm", "fiscal_year"])
rows["lag_log_sales"] = rows.groupby("firm")["log_sales"].shift(1)
rows["growth"] = rows["log_sales"] - rows["lag_log_sales"]
rows.to_parquet(folder + "/out/pandas.parquet", index=False)
""",
}
DUCKDB = """
import duckdb
con = duckdb.connect()
con.execute("SET memory_limit='12GB'; SET threads=2; SET temp_directory='" + folder + "/out/tmp'")
def scan(name):
    return (f"read_parquet('{{path(name)}}')" if suffix == "parquet"
            else f"read_csv('{{path(name)}}', types={{{{'corporate_number':'VARCHAR'}}}})")
listed = ", ".join(f"'{{p}}'" for p in programmes)
awards = f\"\"\"SELECT corporate_number, year(min(award_date)) AS cohort, count(*) AS n_awards,
 sum(amount_kyen) AS amount
 FROM (SELECT DISTINCT corporate_number, program, award_date, amount_kyen FROM {{scan("awards")}}
       WHERE program IN ({{listed}})) GROUP BY 1\"\"\"
"""
PEER["duckdb"] = (
    DUCKDB
    + """
con.execute(f\"\"\"COPY (WITH a AS ({{awards}}), j AS (SELECT CAST(p.corporate_number AS BIGINT) AS firm,
 p.* EXCLUDE corporate_number, ln(p.sales_kyen) AS log_sales, f.* EXCLUDE corporate_number, a.* EXCLUDE corporate_number
 FROM {{scan("performance")}} p JOIN {{scan("firms")}} f USING (corporate_number) LEFT JOIN a USING (corporate_number))
 SELECT *, lag(log_sales) OVER w AS lag_log_sales, log_sales - lag(log_sales) OVER w AS growth FROM j
 WINDOW w AS (PARTITION BY firm ORDER BY fiscal_year) ORDER BY firm, fiscal_year)
 TO '{{folder}}/out/duckdb.parquet' (FORMAT parquet, COMPRESSION snappy)\"\"\")
"""
)
PEER["duckdb-wide"] = (
    DUCKDB
    + """
con.execute("SET preserve_insertion_order=false")
columns = ", ".join(f'max(CASE WHEN fiscal_year={{y}} THEN {{v}} END) AS "{{v}}@{{y}}"'
                    for v in ("sales_kyen", "employees", "value_added_kyen") for y in range(2014, 2024))
con.execute(f\"\"\"COPY (WITH p AS (SELECT CAST(corporate_number AS BIGINT) AS firm, {{columns}}
   FROM {{scan("performance")}} GROUP BY 1), a AS (SELECT CAST(corporate_number AS BIGINT) AS firm,
   * EXCLUDE corporate_number FROM ({{awards}})),
 f AS (SELECT CAST(corporate_number AS BIGINT) AS firm, * EXCLUDE corporate_number FROM {{scan("firms")}})
 SELECT * FROM f LEFT JOIN a USING (firm) LEFT JOIN p USING (firm) ORDER BY firm)
 TO '{{folder}}/out/duckdb.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)\"\"\")
"""
)
PEER["duckdb-read"] = (
    DUCKDB
    + """
con.execute(f'CREATE TABLE t AS SELECT * FROM {{scan("performance")}}')
"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firms", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", action="store_true", help="CSV sources instead of Parquet")
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has the other packages")
    parser.add_argument("--only", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--folder", type=Path, default=Path("bench-work"))
    asked = parser.parse_args()
    ours = []
    for n_firms in asked.firms:
        folder = (asked.folder / str(n_firms)).resolve()
        write_sources(n_firms, folder, "csv" if asked.csv else "parquet")
        ours.append(compare(folder, asked))
        shutil.rmtree(folder)
    for (n, cpu), (m, more) in itertools.pairwise(zip(asked.firms, ours, strict=True)):
        print(f"growth exponent {n:,} to {m:,} firms: {math.log(more / cpu) / math.log(m / n):.3f}")


def compare(folder: Path, asked: argparse.Namespace) -> float:
    """Run everything, print medians, and return the CPU seconds of `build`."""
    suffix = "csv" if asked.csv else "parquet"
    size = (folder / f"performance.{suffix}").stat().st_size / 2**30
    print(f"{folder.name} firms x {len(YEARS)} years, {suffix}, firm-years {size:.2f} GiB, medians of {asked.repeats}")
    names = [p for p in asked.only if has(asked.peers, p)]
    jobs = {"evalkit": (sys.executable, OURS)}
    if "duckdb-read" in names:
        jobs["evalkit-read"] = (sys.executable, OURS_READ)
    jobs |= {name: (asked.peers, READ + PEER[name]) for name in names}
    runs: dict[str, list[dict]] = {name: [] for name in jobs}
    for _ in range(asked.repeats):
        for name, found in runs.items():
            found.append(measure(*jobs[name], folder, suffix))
    ours = middle(runs["evalkit"])
    for name, found in runs.items():
        m = middle(found)
        print(f"{name:12} CPU {m['cpu_s']:7.1f} s  wall {m['wall_s']:6.1f} s  peak {m['peak_gib']:5.2f} GiB"
              f"  CPU ratio {m['cpu_s'] / ours['cpu_s']:5.2f}", flush=True)  # fmt: skip
    return ours["cpu_s"]


def has(python: str, peer: str) -> bool:
    package = peer.partition("-")[0]
    return subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False).returncode == 0


def middle(runs: list[dict]) -> dict:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure(python: str, work: str, folder: Path, suffix: str) -> dict:
    shutil.rmtree(folder / "out", ignore_errors=True)
    work = work.format(folder=str(folder), suffix=suffix, programmes=list(PROGRAMMES))
    code = MEASURE.format(work="start = os.times().elapsed\n" + work, start="start")
    cached = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([python, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True, env=cached)
    return json.loads(done.stdout.splitlines()[-1])


def check_digit(base: np.ndarray) -> np.ndarray:
    total = sum(base // 10**n % 10 * (1 if n % 2 == 0 else 2) for n in range(12))
    return 9 - total % 9


def write_sources(n_firms: int, folder: Path, suffix: str) -> None:
    """Write firms, firm-years in blocks of a year, and awards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"study.{suffix}.toml").write_text(STUDY.format(suffix=suffix, programmes=json.dumps(PROGRAMMES)))
    rng = np.random.default_rng([20261123, n_firms])
    base = 100_000_000_000 + np.arange(n_firms) * 200_000 + rng.integers(0, 200_000, n_firms)
    number = rng.permutation(check_digit(base) * 10**12 + base)
    ids = pa.array(number).cast(pa.string())
    log_size = rng.normal(1.8, 1.1, n_firms)
    growth = np.round(0.02 + 0.06 * rng.standard_normal(n_firms), 3)
    firms = pa.table({
        "corporate_number": ids, "industry": rng.integers(0, 20, n_firms).astype(np.int8),
        "prefecture": rng.integers(0, 47, n_firms).astype(np.int8),
        "size_class": np.digitize(log_size, np.log([5, 20, 50, 300])).astype(np.int8),
        "base_log_emp": log_size, "base_growth": growth,
    })  # fmt: skip
    write(folder, "firms", suffix, [firms])
    write(folder, "performance", suffix, (year(rng, ids, log_size, growth, y) for y in YEARS))
    write(folder, "awards", suffix, [awards(rng, number)])


def year(rng: np.random.Generator, ids: pa.Array, log_size: np.ndarray, growth: np.ndarray, y: int) -> pa.Table:
    """Return all firms in one year, in an order of its own."""
    n = len(ids)
    sales = np.rint(np.exp(4 + log_size + growth * (y - 2014) + rng.normal(0, 0.15, n)) * 1000).astype(np.int64)
    table = pa.table({
        "corporate_number": ids, "fiscal_year": np.full(n, y, np.int32), "sales_kyen": sales,
        "employees": np.maximum(1, np.rint(np.exp(log_size + rng.normal(0, 0.08, n)))).astype(np.int32),
        "value_added_kyen": np.maximum(1, sales * 3 // 10),
    })  # fmt: skip
    return table.take(pa.array(rng.permutation(n)))


def awards(rng: np.random.Generator, number: np.ndarray) -> pa.Table:
    """Return one award for 3 % of the firms, 15 % of them a second one, 1 % unknown firms, 4 % duplicates."""
    firm = rng.choice(number, len(number) * 3 // 100, replace=False)
    firm = np.concatenate([firm, firm[: len(firm) * 15 // 100]])
    unknown = 990_000_000_000 + np.arange(max(1, len(firm) // 100))
    firm = np.concatenate([firm, check_digit(unknown) * 10**12 + unknown])
    n = len(firm)
    date = np.datetime64("2017-04-01") + rng.integers(0, 5 * 365, n)
    rows = pa.table({
        "award_id": [f"A{i:08d}" for i in range(n)], "corporate_number": pa.array(firm).cast(pa.string()),
        "program": [f"P{p}" for p in rng.integers(0, 8, n)], "award_date": date,
        "amount_kyen": np.rint(np.exp(rng.normal(8.5, 1, n))).astype(np.int64),
    })  # fmt: skip
    return rows.take(pa.array(rng.permutation(np.concatenate([np.arange(n), rng.integers(0, n, n // 25)]))))


def write(folder: Path, name: str, suffix: str, tables: Iterable[pa.Table]) -> None:
    kind = pq.ParquetWriter if suffix == "parquet" else pa_csv.CSVWriter
    writer = None
    for table in tables:
        writer = writer or kind(folder / f"{name}.{suffix}", table.schema)
        writer.write_table(table, 1_000_000)
    writer.close()


if __name__ == "__main__":
    main()
