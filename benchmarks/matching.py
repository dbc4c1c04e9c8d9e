"""CPU seconds and memory of score and nearest-neighbour match beside other packages, panel already built.

Usage: python benchmarks/matching.py [--firms 1000000] [--large 4000000] [--repeats 3] [--rscript Rscript]
                                     [--peers PYTHON] [--patience 900]

The job: 3 % treated; propensity score by a logit on two numbers; 1:1 and 1:5 nearest neighbours without replacement
within 20 industries, caliper 0.2. MatchIt does the same job. The Python peers solve an easier one: causalml and
causalmatch without cells and with replacement, psmpy without cells and 1:1 only. The large run is ours alone, with
industry dummies in the score and industry x prefecture cells. Each run is a process of its own; memory is the peak
beyond an interpreter that has imported the same packages; a peer that outlasts the patience is stopped.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.study import Outcome

MEASURE = """
import os, time, json
{imports}
def memory(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))
def used():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system
before, cpu, wall = memory("VmRSS"), used(), time.perf_counter()
{work}
print(json.dumps({{"cpu_s": used() - cpu, "wall_s": time.perf_counter() - wall,
                  "peak_gib": (memory("VmHWM") - before) / 2**20, "n_pairs": int(n_pairs)}}))
"""

OURS = (
    """
from pathlib import Path
import numpy as np, pandas, pyarrow.dataset, pyarrow.parquet, scipy.stats, scipy.linalg, threadpoolctl
import evalkit as ek
from evalkit.matching import nearest
""",
    """
sample = ek.match(ek.Panel.load(Path({folder!r})), "nearest", covariates={covariates!r}, exact={exact!r}, caliper=0.2,
                  ratio={ratio})
n_pairs = sample.pairs.num_rows
""",
)
DATA = """
import logging, warnings
warnings.filterwarnings("ignore"); logging.disable(logging.CRITICAL)
import numpy as np, pandas as pd
data = pd.read_csv({folder!r} + "/firms.csv")
data["id"] = np.arange(len(data))
"""
PYTHON_PEERS = {
    "causalml": (
        DATA + "import sklearn.linear_model\nfrom causalml.match import NearestNeighborMatch\n",
        """
fitted = sklearn.linear_model.LogisticRegression(C=np.inf).fit(data[["x1", "x2"]], data["t"])
data["ps"] = fitted.decision_function(data[["x1", "x2"]])
matcher = NearestNeighborMatch(caliper=0.2, replace=True, ratio={ratio}, random_state=1, n_jobs=1)
n_pairs = len(matcher.match(data, "t", ["ps"])) - data["t"].sum()
""",
    ),
    "causalmatch": (
        DATA + "from causalmatch import matching\n",
        """
found = matching(data=data[["id", "t", "x1", "x2"]].assign(y=0.0), T="t", X=["x1", "x2"], id="id")
found.psm(n_neighbors={ratio}, caliper=0.2)
n_pairs = len(found.df_out_final)
""",
    ),
    "psmpy": (
        DATA + "from psmpy import PsmPy\n",
        """
found = PsmPy(data[["id", "t", "x1", "x2"]], treatment="t", indx="id", exclude=[])
found.logistic_ps(balance=False)
found.kdtree_matched(matcher="propensity_logit", replacement=False, caliper=0.2, drop_unmatched=True)
n_pairs = len(found.df_matched) // 2
""",
    ),
}
MATCHIT = """
suppressMessages(library(MatchIt))
data <- read.csv("{folder}/firms.csv")
took <- system.time(found <- matchit(t ~ x1 + x2, data, method = "nearest", exact = ~industry, caliper = 0.2,
                                     ratio = {ratio}))
peak <- sum(gc()[, 6]) / 1024
cat(sprintf('{{"cpu_s": %.3f, "wall_s": %.3f, "peak_gib": %.3f, "n_pairs": %d}}\\n', sum(took[1:2]), took[3], peak,
            sum(!is.na(found$match.matrix))))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=4_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rscript", default="Rscript", help="R with MatchIt, left out where there is none")
    parser.add_argument("--peers", default="", help="a Python that has some of the peers")
    parser.add_argument("--patience", type=int, default=900, help="seconds after which a peer is stopped")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "panel"
        write_panel(arguments.firms, folder)
        for ratio in (1, 5):
            job = {"folder": str(folder), "ratio": ratio, "covariates": ("x1", "x2"), "exact": ("industry",)}
            ours = measure([sys.executable, "-c", script(OURS, job)], arguments.repeats)
            show(f"{arguments.firms:,} firms 1:{ratio} evalkit", ours)
            for name, command in peers(arguments, job).items():
                row = measure(command, 1, arguments.patience)
                show(f"{arguments.firms:,} firms 1:{ratio} {name}", row, ours)
        if arguments.large:
            shutil.rmtree(folder)
            write_panel(arguments.large, folder)
            for ratio in (1, 5):
                job = {
                    "folder": str(folder), "ratio": ratio, "covariates": ("x1", "x2", "industry"),
                    "exact": ("industry", "prefecture"),
                }  # fmt: skip
                row = measure([sys.executable, "-c", script(OURS, job)], arguments.repeats)
                show(f"{arguments.large:,} firms 1:{ratio} evalkit", row)


def write_panel(n_firms: int, folder: Path) -> None:
    """Write a panel of 20 industries and 47 prefectures, 3 % treated, selected on two numbers and the industry."""
    rng = np.random.Generator(np.random.Philox(key=11))
    industry, prefecture = (rng.choice(n, n_firms, p=(w := (1 + np.arange(n)) ** -0.65) / w.sum()) for n in (20, 47))
    x1 = rng.standard_normal(n_firms)
    x2 = 0.3 * x1 + np.sqrt(0.91) * rng.standard_normal(n_firms)
    predictor = 0.5 * x1 + 0.4 * x2 + rng.normal(0, 0.5, 20)[industry]
    chance = 1 / (1 + np.exp(-predictor))
    treated = rng.random(n_firms) < 0.03 * chance / chance.mean()
    cohort = np.where(treated, rng.integers(2017, 2022, n_firms), 0).astype(np.int32)
    kinds = {"x1": "number", "x2": "number", "industry": "category", "prefecture": "category"}
    columns = {
        "firm_id": pa.array([f"{i:013d}" for i in range(n_firms)]), "cohort": pa.array(cohort, mask=cohort == 0),
        "x1": x1, "x2": x2, "industry": pa.array([f"I{k:02d}" for k in range(20)]).take(pa.array(industry)),
        "prefecture": pa.array([f"P{k:02d}" for k in range(47)]).take(pa.array(prefecture)), "sales@2014": x1,
    }  # fmt: skip
    covariates = tuple(PanelCovariate(name, kind) for name, kind in kinds.items())
    Panel(pa.table(columns), tuple(range(2014, 2024)), (Outcome(name="sales"),), covariates).save(folder)
    if n_firms <= 1_000_000:
        import pandas as pd

        flat = {"t": treated.astype(int), "x1": x1, "x2": x2, "industry": industry}
        pd.DataFrame(flat).to_csv(folder / "firms.csv", index=False)


def script(parts: tuple[str, str], job: dict) -> str:
    imports, work = (part.format(**job) for part in parts)
    return MEASURE.format(imports=imports, work=work)


def peers(arguments: argparse.Namespace, job: dict) -> dict[str, list[str]]:
    """Return the commands of the peers that are there and can do the job."""
    found = {}
    if shutil.which(arguments.rscript):
        found["MatchIt"] = [arguments.rscript, "-e", MATCHIT.format(**job)]
    if arguments.peers:
        can = [name for name in PYTHON_PEERS if name != "psmpy" or job["ratio"] == 1]
        found |= {name: [arguments.peers, "-c", script(PYTHON_PEERS[name], job)] for name in can}
    return found


def measure(command: list[str], repeats: int, patience: int | None = None) -> dict | str:
    """Return medians of what the command printed last, or why there is nothing."""
    runs = []
    for _ in range(repeats):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=patience, check=True,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"stopped after {patience} s"
        except subprocess.CalledProcessError as error:
            return f"failed: {(error.stderr.strip().splitlines() or [''])[-1][:120]}"
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def show(name: str, row: dict | str, ours: dict | str | None = None) -> None:
    if isinstance(row, str):
        print(f"{name:<36} {row}", flush=True)
        return
    ratio = f"  {row['cpu_s'] / ours['cpu_s']:.1f} x" if isinstance(ours, dict) else ""
    print(f"{name:<36} CPU {row['cpu_s']:7.2f} s  wall {row['wall_s']:7.2f} s  peak {row['peak_gib']:5.2f} GiB  "
          f"pairs {row['n_pairs']:>9,.0f}{ratio}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
