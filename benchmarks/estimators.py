"""CPU seconds, wall time and memory of the estimators beside pyfixest, panel already built.

Usage: python benchmarks/estimators.py [--firms 1000000] [--repeats 5] [--peer-firms 100000]

Each run is a process of its own; memory is the peak beyond an interpreter that has imported the same packages.
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

METHODS = ("event_study", "group_time", "sun_abraham", "imputation")
PERIODS = tuple(range(2014, 2024))

MEASURE = """
import os, time
{imports}
def memory(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))
def used():
    t = os.times()
    return t.user + t.system
before, cpu, wall = memory("VmRSS"), used(), time.perf_counter()
{work}
import json
print(json.dumps({{"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall,
                  "peak_gib": (memory("VmHWM") - before) / 2**20,
                  "answer": answer}}))
"""

OURS_IMPORTS = """
from pathlib import Path
import numpy as np, pyarrow.parquet, pandas, scipy.stats, scipy.linalg
import evalkit as ek
from evalkit.matching import none
from evalkit.estimation import {method}
"""
OURS = """
sample = ek.match(ek.Panel.load(Path({folder!r})))
effects = ek.estimate(sample, {method!r})
path = effects.table if {method!r} == "event_study" else ek.aggregate(effects, "event_time").table
answer = dict(zip(path["event_time"].astype(int).astype(str), path[["estimate", "std_error"]].values.tolist()))
"""
PEER_IMPORTS = """
import numpy as np, pandas as pd, pyarrow.parquet as pq, pyfixest as pf
wide = pq.read_table({folder!r} + "/panel.parquet").to_pandas()
years = np.arange(2014, 2024)
data = pd.DataFrame({{"firm": np.repeat(np.arange(len(wide)), 10), "year": np.tile(years, len(wide)),
                     "y": np.log(wide[[f"sales@{{y}}" for y in years]].to_numpy()).ravel()}})
g = np.repeat(wide["cohort"].fillna(0).to_numpy(), 10)
event = np.where(g > 0, data["year"] - g, -1).astype(int)
names = []
for e in np.unique(event):
    if e != -1:
        names.append(f"e_{{'m' if e < 0 else 'p'}}{{abs(e)}}")
        data[names[-1]] = (event == e).astype(float)
"""
PEER = """
fit = pf.feols("y ~ " + " + ".join(names) + " | firm + year", data=data, vcov={{"CRV1": "firm"}},
               copy_data=False, store_data=False, lean=True)
found = zip(names, fit.coef()[names], fit.se()[names])
answer = {{n.replace("e_m", "-").replace("e_p", ""): [b, s] for n, b, s in found}}
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", type=int, default=1_000_000)
    parser.add_argument("--peer-firms", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for n_firms, with_peer in ((arguments.peer_firms, True), (arguments.firms, False)):
            folder = Path(scratch) / str(n_firms)
            write_panel(n_firms, folder)
            rows = {m: measure(OURS_IMPORTS, OURS, arguments.repeats, folder, m) for m in METHODS}
            if with_peer:
                rows["pyfixest"] = measure(PEER_IMPORTS, PEER, max(1, arguments.repeats // 2), folder, "")
                compare(rows["event_study"], rows["pyfixest"])
            for method, row in rows.items():
                print(f"{n_firms:>9,} firms x 10  {method:<12} CPU {row['cpu_s']:7.2f} s  wall {row['wall_s']:7.2f} s  "
                      f"peak {row['peak_gib']:5.2f} GiB")  # fmt: skip


def write_panel(n_firms: int, folder: Path) -> None:
    """Write a panel with five cohorts, 3 % treated, AR shocks, one firm in twenty leaving early."""
    rng = np.random.Generator(np.random.Philox(key=11))
    cohort = np.where(rng.random(n_firms) < 0.03, rng.integers(2017, 2022, n_firms), 0).astype(np.int32)
    shock = rng.normal(0, 0.15, (n_firms, len(PERIODS)))
    y = rng.normal(11, 1.2, (n_firms, 1)) + 0.5 * np.cumsum(shock, axis=1) + shock
    y += 0.06 * ((cohort[:, None] > 0) & (np.array(PERIODS) >= cohort[:, None]))
    leave = np.where(rng.random(n_firms) < 0.05, rng.integers(2016, 2024, n_firms), 9999)
    levels = np.where(np.array(PERIODS) >= leave[:, None], np.nan, np.exp(y))
    columns = {"firm_id": pa.array([f"{i:013d}" for i in range(n_firms)]), "cohort": pa.array(cohort, mask=cohort == 0)}
    columns |= {f"sales@{p}": pa.array(levels[:, j], mask=np.isnan(levels[:, j])) for j, p in enumerate(PERIODS)}
    Panel(pa.table(columns), PERIODS, (Outcome(name="sales", transform="log"),)).save(folder)


def measure(imports: str, work: str, repeats: int, folder: Path, method: str) -> dict:
    code = MEASURE.format(
        imports=imports.format(folder=str(folder), method=method), work=work.format(folder=str(folder), method=method)
    )
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    middle = {k: statistics.median(r[k] for r in runs) for k in ("cpu_s", "wall_s", "peak_gib")}
    return {**middle, "answer": runs[0]["answer"]}


def compare(ours: dict, peer: dict) -> None:
    worst = max(abs(ours["answer"][e][0] - v[0]) for e, v in peer["answer"].items())
    print(f"largest difference from pyfixest: {worst:.1e}; CPU ratio {peer['cpu_s'] / ours['cpu_s']:.1f}, "
          f"memory ratio {peer['peak_gib'] / max(ours['peak_gib'], 1e-3):.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
