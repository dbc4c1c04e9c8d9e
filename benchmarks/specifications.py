"""CPU seconds and memory of a specification curve, panel already built.

Usage: python benchmarks/specifications.py [--firms 1000000] [--repeats 3]

Specifications of one outcome: nine estimators, two groups of comparison firms, two scales, extremes kept or moved at
two quantiles, all firms or those observed in all years, and each of ten award cohorts left out. 2 % of the firm-years
are missing at random in two years. The data are read once for each scale and treatment of extremes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from evalkit.model.panel import Panel
from evalkit.model.study import Outcome

PERIODS = tuple(range(2010, 2024))
MEASURE = """
import os, json
from pathlib import Path
import evalkit as ek
sample = ek.match(ek.Panel.load(Path({folder!r})))
effects = ek.estimate(sample)
start = os.times()
found = ek.check(sample, effects, "specification_curve", transforms=("level",), winsors=(0.01, 0.05),
                 estimators={estimators!r})
end = os.times()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({{
    "cpu_s": end.user + end.system - start.user - start.system, "wall_s": end.elapsed - start.elapsed,
    "peak_gib": peak / 2**20, "n": int(found.values["compared"]), "failed": int(found.values["failed"]),
}}))
"""
ESTIMATORS = ("group_time", "sun_abraham", "extended_twfe", "imputation", "two_stage", "stacked", "difference",
              "event_study", "twfe")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--firms", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "panel"
        write_panel(asked.firms, folder)
        code = MEASURE.format(folder=str(folder), estimators=ESTIMATORS)
        runs = []
        for _ in range(asked.repeats):
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ
            )
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        m = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(f"{asked.firms:,} firms x {len(PERIODS)}: {m['n']:,.0f} specifications, {m['failed']:,.0f} failed  "
              f"CPU {m['cpu_s']:.1f} s  wall {m['wall_s']:.1f} s  peak {m['peak_gib']:.2f} GiB")  # fmt: skip


def write_panel(n: int, folder: Path) -> None:
    """Write a panel of ten award cohorts, a tenth of the firms treated."""
    rng = np.random.default_rng(5)
    cohort = np.where(rng.random(n) < 0.1, rng.integers(2012, 2022, n), 0).astype(np.int32)
    base = rng.normal(8, 1, n)
    columns = {"firm_id": pa.array([f"{i:013d}" for i in range(n)]), "cohort": pa.array(cohort, mask=cohort == 0)}
    for year in PERIODS:
        y = np.exp(base + 0.02 * (year - 2010) + 0.05 * ((cohort > 0) & (year >= cohort)) + rng.normal(0, 0.3, n))
        missing = rng.random(n) < 0.02 if year in (2011, 2020) else None
        columns[f"sales@{year}"] = pa.array(y, mask=missing)
    Panel(pa.table(columns), PERIODS, (Outcome(name="sales", transform="log"),)).save(folder)


if __name__ == "__main__":
    main()
