"""CPU seconds, wall time and memory of the estimators beside pyfixest and diff-diff, panel already built.

Usage: python benchmarks/estimators.py [--firms 10000 100000 1000000] [--repeats 5] [--peer-repeats 1]
           [--tasks event_study sun_abraham imputation group_time switching] [--peers-up-to 100000]

Each run is a process of its own, so that a peer that compiles does so in each of them. Answers by event time must
agree. Memory is the peak beyond an interpreter with the same packages (and, for peers, the long table).

With 10,000 firms a process with `group_time` takes less CPU than one with diff-diff (0.8 beside 0.9 s), but 0.03 to
0.06 s more when imports do not count: looking for the BLAS libraries, imports on first use and tables of effects do not
get smaller with the panel.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from processes import Work, line, measure

from evalkit.model.panel import Panel
from evalkit.model.study import Outcome

PERIODS = tuple(range(2014, 2024))
AGREES = 1e-7
"""Largest difference of an effect from a peer's; pyfixest demeans up to a tolerance of 1e-6 a step."""

OURS = Work("""
from pathlib import Path
import numpy as np, pyarrow.parquet, pandas, scipy.special
import evalkit as ek, evalkit.run
from evalkit.matching import none
from evalkit.estimation import {method}

def by_time(effects):
    "Average by event time with firm-years as weights, as the peers do."
    times, n = effects.table["event_time"].to_numpy(int), effects.table["n_treated"].to_numpy(float)
    own = {{str(e): np.where(times == e, n, 0.0) / n[times == e].sum() for e in np.unique(times)}}
    return ek.combine(effects, own).table[["group", "estimate", "std_error"]].astype(float)
""", """
sample = ek.match(ek.Panel.load(Path({folder!r})))
effects = ek.estimate(sample, {method!r})
path = effects.table if {method!r} == "event_study" else ek.aggregate(effects, "event_time").table
answer = by_time(effects).values.tolist()
""")  # fmt: skip
AGAIN = Work(OURS.imports + """
from evalkit.estimation import event_study
sample = ek.match(ek.Panel.load(Path({folder!r})))
ek.estimate(sample, "event_study")
""", """
for _ in range(10):
    effects = ek.estimate(sample, "event_study", leads=2)
answer = [[0.0, 0.0, 0.0]]
""")  # fmt: skip
LONG = """
import numpy as np, pandas as pd, pyarrow.parquet as pq
wide = pq.read_table({folder!r} + "/panel.parquet").to_pandas()
years = np.arange(2014, 2024)
data = pd.DataFrame({{"firm": np.repeat(np.arange(len(wide)), 10), "year": np.tile(years, len(wide)),
                     "y": np.log(wide[[f"sales@{{y}}" for y in years]].to_numpy()).ravel(),
                     "g": np.repeat(wide["cohort"].fillna(0).to_numpy().astype(int), 10)}})
on = (wide[[f"award@{{y}}" for y in years]].to_numpy() > 0).astype(float).ravel()
del wide
"""
PYFIXEST = Work(LONG + """
import pyfixest as pf
event = np.where(data["g"] > 0, data["year"] - data["g"], -1).astype(int)
names = dict()
for e in np.unique(event):
    if e != -1:
        names[e] = "e_" + ("m" if e < 0 else "p") + str(abs(e))
        data[names[e]] = (event == e).astype(float)
""", """
fit = pf.feols("y ~ " + " + ".join(names.values()) + " | firm + year", data=data, vcov={{"CRV1": "firm"}},
               copy_data=False, store_data=False, lean=True)
answer = [[float(e), float(fit.coef()[name]), float(fit.se()[name])] for e, name in names.items()]
""")  # fmt: skip
DIFF_DIFF = """
import warnings; warnings.filterwarnings("ignore")
import diff_diff
data = data.dropna()
columns = dict(outcome="y", unit="firm", time="year", first_treat="g")
"""
BY_TIME = """
answer = [[float(e), float(v["effect"]), float(v["se"])] for e, v in fit.event_study_effects.items() if v["se"] > 0]
"""
TASKS: dict[str, dict[str, Work]] = {
    "event_study": {"pyfixest": PYFIXEST},
    "sun_abraham": {"diff-diff": Work(LONG + DIFF_DIFF, "fit = diff_diff.SunAbraham().fit(data, **columns)" + BY_TIME)},
    "imputation": {
        "diff-diff": Work(
            LONG + DIFF_DIFF,
            'fit = diff_diff.ImputationDiD().fit(data, **columns, aggregate="event_study")' + BY_TIME,
        )
    },
    "group_time": {
        "diff-diff": Work(
            LONG + DIFF_DIFF,
            'fit = diff_diff.CallawaySantAnna(estimation_method="reg").fit(data, **columns, aggregate="event_study")'
            + BY_TIME,
        )
    },
    "switching": {
        "diff-diff": Work(
            LONG + DIFF_DIFF + """
data["on"] = on[data.index.to_numpy()]
""", """
fit = diff_diff.ChaisemartinDHaultfoeuille(drop_larger_lower=False).fit(
    data, outcome="y", group="firm", time="year", treatment="on", L_max=3)
answer = [[float(l - 1), float(v["effect"]), float(v["se"])] for l, v in fit.event_study_effects.items()]
""")
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--tasks", nargs="*", default=[t for t in TASKS if t != "switching"], choices=list(TASKS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-repeats", type=int, default=1)
    parser.add_argument("--peers-up-to", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for n_firms in asked.firms:
            folder = Path(scratch) / str(n_firms)
            write_panel(n_firms, folder)
            for task in asked.tasks:
                places = {"folder": str(folder), "method": task}
                ours = measure(sys.executable, OURS, asked.repeats, places)
                print(line(n_firms, f"{task} evalkit", ours), flush=True)
                for name, work in TASKS[task].items() if n_firms <= asked.peers_up_to else ():
                    peer = measure(sys.executable, work, asked.peer_repeats, places)
                    print(line(n_firms, f"{task} {name}", peer), flush=True)
                    compare(ours, peer)
            again = measure(sys.executable, AGAIN, asked.repeats, {"folder": str(folder), "method": "event_study"})
            print(f"{n_firms:>9,} firms x 10  a further specification {again['cpu_s'] * 100:.1f} ms", flush=True)


def write_panel(n_firms: int, folder: Path) -> None:
    """Write a panel with five cohorts, 3 % treated, awards that repeat, one firm in twenty leaving early."""
    rng = np.random.Generator(np.random.Philox(key=11))
    cohort = np.where(rng.random(n_firms) < 0.03, rng.integers(2017, 2022, n_firms), 0).astype(np.int32)
    shock = rng.normal(0, 0.15, (n_firms, len(PERIODS)))
    y = rng.normal(11, 1.2, (n_firms, 1)) + 0.5 * np.cumsum(shock, axis=1) + shock
    y += 0.06 * ((cohort[:, None] > 0) & (np.array(PERIODS) >= cohort[:, None]))
    leave = np.where(rng.random(n_firms) < 0.05, rng.integers(2016, 2024, n_firms), 9999)
    levels = np.where(np.array(PERIODS) >= leave[:, None], np.nan, np.exp(y))
    columns = {"firm_id": pa.array([f"{i:013d}" for i in range(n_firms)]), "cohort": pa.array(cohort, mask=cohort == 0)}
    columns |= {f"sales@{p}": pa.array(levels[:, j], mask=np.isnan(levels[:, j])) for j, p in enumerate(PERIODS)}
    first = cohort[:, None] == np.array(PERIODS)
    again = (rng.random(levels.shape) < 0.3) & (cohort[:, None] > 0) & (np.array(PERIODS) > cohort[:, None])
    columns |= {f"award@{p}": 1e6 * (first | again)[:, j] for j, p in enumerate(PERIODS)}
    Panel(pa.table(columns), PERIODS, (Outcome(name="sales", transform="log"),), award_path="award").save(folder)


def compare(ours: dict, peer: dict) -> None:
    """Print how much more the peer needs; stop when answers differ."""
    known = {int(e): (b, s) for e, b, s in ours["answer"]}
    pairs = [(known[int(e)], (b, s)) for e, b, s in peer["answer"] if int(e) in known]
    effect, error = (max(abs(mine[k] - other[k]) for mine, other in pairs) for k in (0, 1))
    cpu, whole = (peer[k] / ours[k] for k in ("cpu_s", "whole_cpu_s"))
    print(f"  {len(pairs)} event times, largest difference {effect:.1e} of effects, {error:.1e} of standard errors; "
          f"the peer needs {cpu:.1f} x the CPU ({whole:.1f} x with imports), "
          f"{peer['peak_gib'] / max(ours['peak_gib'], 1e-3):.1f} x the memory", flush=True)  # fmt: skip
    if effect > AGREES:
        sys.exit("a peer does not agree")


if __name__ == "__main__":
    main()
