"""CPU seconds, wall time and memory of doubly robust group-time effects, panel already built.

Usage: python benchmarks/doubly_robust.py [--firms 1000000 4000000] [--repeats 3]
           [--peers csdid diff_diff --peer-firms 20000 --peer-python PYTHON]

All 45 cells of five cohorts with their covariance, averages by event time and their band. Each run is a process of its
own; memory is the peak beyond an interpreter that has imported the same packages. Peers run in an interpreter of their
own, read the same panel as a long table beforehand, and must agree with us.

With 1,000,000 firms csdid needs 67 to 99 x, diff-diff 43 to 61 x our CPU, not the 100 x aimed at: Newton and products
of 45 influences a firm, already matrix products in BLAS, are two thirds of what is left.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from processes import Work, line, measure

from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.study import Outcome

PERIODS = tuple(range(2014, 2024))
AGREES = {"csdid": 1e-8, "diff_diff": 1e-5}
"""Largest difference from a peer; diff-diff ends its logit at a looser tolerance."""

OURS = Work(
    """
from pathlib import Path
import numpy as np, pyarrow.parquet, pandas, scipy.special
import evalkit as ek, evalkit.run
from evalkit.matching import none
from evalkit.estimation import group_time
""",
    """
sample = ek.match(ek.Panel.load(Path({folder!r})))
effects = ek.estimate(sample, "group_time", adjustment="doubly_robust", comparison={comparison!r},
                      balanced_only={balanced_only})
band = ek.simultaneous_band(ek.aggregate(effects, "event_time"))
answer = effects.table[["cohort", "year", "estimate", "std_error"]].astype(float).values.tolist()
""",
)
LONG = """
import warnings; warnings.filterwarnings("ignore")
import numpy as np, pandas as pd, pyarrow.parquet as pq
wide = pq.read_table({folder!r} + "/panel.parquet").to_pandas()
years = np.arange(2014, 2024)
data = pd.DataFrame({{"firm": np.repeat(np.arange(len(wide)), 10), "year": np.tile(years, len(wide)),
                     "y": np.log(wide[[f"sales@{{y}}" for y in years]].to_numpy()).ravel(),
                     **{{name: np.repeat(wide[name].to_numpy(), 10) for name in ("x1", "x2")}},
                     "g": np.repeat(wide["cohort"].fillna(0).to_numpy().astype(int), 10)}}).dropna()
del wide
"""
PEERS = {
    "csdid": Work(LONG + """
from csdid.att_gt import ATTgt
""", """
fit = ATTgt(yname="y", tname="year", idname="firm", gname="g", data=data, xformla="y~x1+x2",
            control_group=[{comparison!r}.replace("_", "")]).fit(est_method="dr", bstrap=False)
found = fit.results
fit.aggte(typec="dynamic", bstrap=False, cband=False)
answer = [list(map(float, row)) for row in zip(found["group"], found["year"], found["att"], found["se"])]
"""),
    "diff_diff": Work(LONG + """
import diff_diff
""", """
fit = diff_diff.CallawaySantAnna(control_group={comparison!r}, estimation_method="dr", pscore_trim=1e-8).fit(
    data, outcome="y", unit="firm", time="year", first_treat="g", covariates=["x1", "x2"], aggregate="event_study")
answer = [list(map(float, (g, t, v["effect"], v["se"]))) for (g, t), v in fit.group_time_effects.items()]
"""),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", type=int, nargs="*", default=[1_000_000, 4_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--comparison", default="never_treated", choices=["never_treated", "not_yet_treated"])
    parser.add_argument("--leaving", type=float, default=0.0, help="share of firms that leave early")
    parser.add_argument("--balanced-only", action="store_true", help="as csdid does with gaps; diff-diff does as we do")
    parser.add_argument("--peers", nargs="*", default=[], choices=list(PEERS))
    parser.add_argument("--peer-firms", type=int, default=20_000)
    parser.add_argument("--peer-python", default=sys.executable)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for n_firms in dict.fromkeys([*([asked.peer_firms] if asked.peers else []), *asked.firms]):
            folder = Path(scratch) / str(n_firms)
            write_panel(n_firms, folder, asked.leaving)
            places = {"folder": str(folder), "comparison": asked.comparison, "balanced_only": asked.balanced_only}
            rows = {"evalkit": measure(sys.executable, OURS, asked.repeats, places)}
            if n_firms == asked.peer_firms:
                for name in asked.peers:
                    rows[name] = measure(asked.peer_python, PEERS[name], 1, places)
                    compare(name, rows["evalkit"], rows[name])
            for name, row in rows.items():
                print(line(n_firms, name, row), flush=True)


def write_panel(n_firms: int, folder: Path, leaving: float) -> None:
    """Write a panel with five cohorts, 3 % treated, selected on two covariates that also move the trend."""
    rng = np.random.Generator(np.random.Philox(key=11))
    x = rng.standard_normal((n_firms, 2))
    treated = rng.random(n_firms) < 0.03 * np.exp(0.5 * x[:, 0] + 0.4 * x[:, 1] - 0.2)
    cohort = np.where(treated, rng.integers(2017, 2022, n_firms), 0).astype(np.int32)
    y = rng.normal(11, 1.2, (n_firms, 1)) + 0.5 * np.cumsum(rng.normal(0, 0.15, (n_firms, len(PERIODS))), axis=1)
    y += (x @ [0.01, 0.015])[:, None] * np.arange(len(PERIODS))
    y += 0.06 * ((cohort[:, None] > 0) & (np.array(PERIODS) >= cohort[:, None]))
    leave = np.where(rng.random(n_firms) < leaving, rng.integers(2016, 2024, n_firms), 9999)
    levels = np.where(np.array(PERIODS) >= leave[:, None], np.nan, np.exp(y))
    columns = {"firm_id": pa.array([f"{i:013d}" for i in range(n_firms)]), "cohort": pa.array(cohort, mask=cohort == 0)}
    columns |= {"x1": pa.array(x[:, 0]), "x2": pa.array(x[:, 1])}
    columns |= {f"sales@{p}": pa.array(levels[:, j], mask=np.isnan(levels[:, j])) for j, p in enumerate(PERIODS)}
    covariates = (PanelCovariate("x1", "number"), PanelCovariate("x2", "number"))
    Panel(pa.table(columns), PERIODS, (Outcome(name="sales", transform="log"),), covariates).save(folder)


def compare(name: str, ours: dict, peer: dict) -> None:
    known = {(g, t): (b, s) for g, t, b, s in ours["answer"]}
    gaps = [(abs(known[g, t][0] - b), abs(known[g, t][1] - s)) for g, t, b, s in peer["answer"] if (g, t) in known]
    worst = [max(column) for column in zip(*gaps, strict=True)]
    print(f"{name}: {len(gaps)} cells, largest difference {worst[0]:.1e} of effects, {worst[1]:.1e} of standard "
          f"errors; CPU ratio {peer['cpu_s'] / ours['cpu_s']:.0f}")  # fmt: skip
    if max(worst) > AGREES[name]:
        sys.exit(f"{name} does not agree")


if __name__ == "__main__":
    main()
