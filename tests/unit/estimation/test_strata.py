"""Period effects by stratum, against regressions with every effect a dummy."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import EvalkitError

EXACT = 1e-9


def table(missing: float = 0.0) -> pd.DataFrame:
    long = twins.frame(n=80, missing=missing, seed=7)
    number = long["firm"].str[1:].astype(int)
    long = long.assign(industry=[f"I{i % 3}" for i in number], size=["ab"[i % 2] for i in number])
    long["y"] += (long["industry"] == "I1") * np.sin(3 * long["year"]) * 2
    return long


def brute(long: pd.DataFrame, by: list[str]) -> tuple[float, float]:
    """Return the coefficient of treatment and its variance, CR1 by firm."""
    long = long[long.groupby("firm")["y"].transform("size") > 1]
    hit = ((long["g"] > 0) & (long["year"] >= long["g"])).to_numpy(float)
    cell = long[by].astype(str).agg("/".join, axis=1)
    years = []
    for stratum in sorted(cell.unique()):
        inside = (cell == stratum).to_numpy()
        years += [inside & (long["year"] == y).to_numpy() for y in sorted(long.loc[inside, "year"].unique())[1:]]
    firms = [(long["firm"] == f).to_numpy(float) for f in long["firm"].unique()]
    x, y = np.column_stack([hit, *[v.astype(float) for v in years], *firms]), long["y"].to_numpy()
    bread = np.linalg.inv(x.T @ x)
    b = bread @ (x.T @ y)
    scores = np.array([x[f > 0].T @ (y - x @ b)[f > 0] for f in firms])
    n, k, g = len(x), 2 + len(years), len(firms)
    return b[0], (bread @ scores.T @ scores @ bread)[0, 0] * g / (g - 1) * (n - 1) / (n - k)


@pytest.mark.parametrize("by", [["industry"], ["industry", "size"]])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_twfe_within_strata(by: list[str], missing: float) -> None:
    long = table(missing)
    panel = twins.panel(long, covariates=("industry", "size"))
    found = ek.estimate(twins.sample(panel), "twfe", strata=tuple(by), covariance="cr1")
    expected = brute(long, by)
    assert found.table["estimate"][0] == pytest.approx(expected[0], rel=EXACT)
    assert found.vcov[0, 0] == pytest.approx(expected[1], rel=EXACT)


def test_paths_of_strata_that_differ_no_longer_matter() -> None:
    long = table()
    long["g"] = np.where(long["industry"] == "I1", np.where(long["g"] > 0, 2013, 0), 0)
    sample = twins.sample(twins.panel(long, covariates=("industry",)))
    within = ek.estimate(sample, "event_study", strata=("industry",)).table
    alone = twins.sample(twins.panel(long[long["industry"] == "I1"]))
    np.testing.assert_allclose(within["estimate"], ek.estimate(alone, "event_study").table["estimate"], rtol=1e-9)


def test_clusters_and_strata_together() -> None:
    long = table()
    panel = twins.panel(long, covariates=("industry",), clusters=("size",))
    plain = ek.estimate(twins.sample(twins.panel(long, covariates=("industry",))), "twfe", strata=("industry",))
    found = ek.estimate(twins.sample(panel), "twfe", strata=("industry",))
    assert found.table["estimate"][0] == pytest.approx(plain.table["estimate"][0], rel=1e-10)
    assert found.table["std_error"][0] != pytest.approx(plain.table["std_error"][0], rel=1e-3)


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(EvalkitError):
        ek.estimate(twins.sample(twins.panel(table())), "twfe", strata=("nothing",))
