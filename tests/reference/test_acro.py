"""Verdicts of minimum count, (n,k) and p % beside those of SACRO's acro, which lives in an environment of its own."""

import json
import os
import subprocess

import numpy as np
import pytest

from evalkit.reporting.disclosure.dominance import Contributions, fails_pq, is_dominated
from evalkit.reporting.disclosure.profiles import PROFILES

ACRO = os.environ.get("EVALKIT_ACRO", "")
N_TABLES, N_ROWS, N_COLUMNS = 300, 3, 2
CHECKS = ("MinimumThresholdCheck", "NKCheck", "PPercentCheck")
SCRIPT = """
import contextlib, io, json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import pandas as pd
with contextlib.redirect_stdout(io.StringIO()):
    import acro
    session = acro.ACRO(suppress=False)
answers = []
for table in json.load(sys.stdin):
    frame = pd.DataFrame(table, columns=["row", "column", "value"])
    with contextlib.redirect_stdout(io.StringIO()):
        session.crosstab(frame["row"], frame["column"], values=frame["value"], aggfunc="sum")
        found = session.results.get_index(-1).sdc["cells"]
    answers.append({name: sorted(map(tuple, found[name])) for name in sys.argv[1:]})
json.dump(answers, sys.stdout)
"""


def tables():
    """Return firms as (row, column, whole yen), every cell with some, sizes from equal to very unequal."""
    rng = np.random.default_rng(11)
    for _ in range(N_TABLES):
        spread, sizes = rng.uniform(0.1, 3), rng.integers(2, 22, (N_ROWS, N_COLUMNS))
        yield [
            (r, c, int(np.ceil(1_000 * rng.lognormal(0, spread))))
            for r in range(N_ROWS)
            for c in range(N_COLUMNS)
            for _ in range(sizes[r, c])
        ]


def ours(table):
    """Return the cells that each rule hides, by the names that acro gives its checks."""
    profile = PROFILES["acro"]
    cells = [(r, c) for r in range(N_ROWS) for c in range(N_COLUMNS)]
    values = {cell: [v for r, c, v in table if (r, c) == cell] for cell in cells}
    made = {cell: Contributions.of(own) for cell, own in values.items()}
    return {
        "MinimumThresholdCheck": [cell for cell in cells if len(values[cell]) < profile.threshold],
        "NKCheck": [cell for cell in cells if is_dominated(made[cell], profile.dominance_n, profile.dominance_k)],
        "PPercentCheck": [cell for cell in cells if fails_pq(made[cell], profile.p)],
    }


@pytest.mark.skipif(not ACRO, reason="EVALKIT_ACRO, a Python with acro, is not set: acro needs pandas below 3")
def test_verdicts_are_those_of_acro():
    asked = list(tables())
    run = subprocess.run(
        [ACRO, "-c", SCRIPT, *CHECKS], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    answers = json.loads(run.stdout)
    expected = [ours(table) for table in asked]
    assert [{k: list(map(tuple, v)) for k, v in answer.items()} for answer in answers] == expected
    for name in CHECKS:
        n_hidden = sum(len(answer[name]) for answer in expected)
        assert 0 < n_hidden < N_TABLES * N_ROWS * N_COLUMNS
