"""The LaLonde data as a panel, firm ids in the order of its rows; for reference tests only."""

from functools import cache

import numpy as np
import pandas as pd

import evalkit as ek
from references import reference

COVARIATES = ("age", "educ", "race", "married", "nodegree", "re74", "re75")


@cache
def data() -> pd.DataFrame:
    table = pd.read_csv(reference("data/lalonde_matchit.csv"))
    return table.assign(
        firm=[f"{row:04d}" for row in range(1, len(table) + 1)], g=np.where(table["treat"] == 1, 1978, 0)
    )


@cache
def panel() -> ek.Panel:
    long = data().merge(pd.DataFrame({"year": [1974, 1978]}), how="cross")
    long["earnings"] = np.where(long["year"] == 1978, long["re78"], 0.0)
    return ek.Panel.from_frame(long, firm="firm", year="year", cohort="g", outcomes=["earnings"], covariates=COVARIATES)
