"""Multipliers of single firms beside covariates of firms, against the influence matrix of all firms written out."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.engine import local
from evalkit.model import store
from evalkit.model.study import Inference
from evalkit.stats.bootstrap import POINTS, high_multipliers
from evalkit.stats.stable_hash import stable_hash

TWIN = 1e-9
"""Relative to the standard error: values are rounded at 2^-37 of their range, sums are over a hundred firms."""
N_DRAWS, SEED = 4_000, 11
SAMPLING = 5 * np.sqrt(2 / N_DRAWS)
"""Five standard errors of the variance of so many draws."""
OWN = {"time_varying": ("x",), "baseline": ("size",)}


def table(n: int = 90, missing: float = 0.1) -> pd.DataFrame:
    long = twins.frame(n=n, missing=missing, seed=3)
    number, rng = long["firm"].str[1:].astype(int), np.random.default_rng(5)
    long = long.assign(x=0.3 * long["y"] + rng.normal(size=len(long)), size=np.sqrt(1.0 + number % 13))
    long["y"] += 0.4 * long["x"]
    return long[long.groupby("firm")["y"].transform("size") > 1].reset_index(drop=True)


def sample(
    long: pd.DataFrame, correction: str, law: str = "rademacher", weight: np.ndarray | None = None
) -> ek.MatchedSample:  # fmt: skip
    panel = twins.panel(long, covariates=("size",), time_varying=("x",))
    how = Inference(correction=correction, bootstrap=law, draws=N_DRAWS, seed=SEED)
    return twins.sample(dataclasses.replace(panel, inference=how), weight)


def columns(long: pd.DataFrame) -> dict[object, np.ndarray]:
    """Return cells from the award on, then what is held: x, and size in each year."""
    cells = sorted(set(long.loc[(long["g"] > 0) & (long["year"] >= long["g"]), ["g", "year"]].itertuples(index=False)))
    asked = {tuple(c): ((long["g"] == c[0]) & (long["year"] == c[1])).to_numpy(float) for c in cells}
    sizes = {t: long["size"].to_numpy() * (long["year"] == t) for t in sorted(long["year"].unique())[1:]}
    return asked | {"x": long["x"].to_numpy()} | sizes


def multipliers(firms: list[str], law: str) -> np.ndarray:
    """Return V (n, B) from each firm's own hash."""
    low, high = POINTS[law]
    return np.where(high_multipliers(stable_hash(pa.chunked_array([firms]), SEED), law, N_DRAWS), high, low)


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize(("correction", "law"), [("cr2", "rademacher"), ("cr3", "mammen")])
def test_draws_are_multipliers_times_the_influence_of_all_firms(correction: str, law: str, is_weighted: bool) -> None:
    long = table()
    names = sorted(long["firm"].unique())
    weight = {f: 1 + (i % 4) / 2 for i, f in enumerate(names)} if is_weighted else dict.fromkeys(names, 1.0)
    found = ek.estimate(sample(long, correction, law, np.array([*weight.values()])), "extended_twfe", **OWN)
    psi = twins.corrected_regression(long, columns(long), correction, weight=weight)[1][:, : len(found.table)]
    v = multipliers(names, law)
    error = found.table["std_error"].to_numpy()
    np.testing.assert_allclose(found.draws.effects / error, v.T @ psi / error, atol=TWIN)
    cohort = long.groupby("firm")["g"].first().to_numpy()
    mass = np.where(cohort[:, None] == found.shares.cohorts, np.array([*weight.values()])[:, None], 0.0)
    np.testing.assert_allclose(found.draws.shares, v.T @ mass, atol=TWIN)


def test_uncorrected_draws_have_the_factor_of_few_firms() -> None:
    long = table()
    found, k = ek.estimate(sample(long, "cr1"), "extended_twfe", **OWN), len(set(columns(long)))
    firms = pd.get_dummies(long["firm"], dtype=float)
    years = pd.get_dummies(long["year"], dtype=float).to_numpy()[:, 1:]
    x, y = np.column_stack([*columns(long).values(), years, firms]), long["y"].to_numpy()
    bread, g, n = np.linalg.inv(x.T @ x), firms.shape[1], len(long)
    psi = firms.to_numpy().T @ (x * (y - x @ (bread @ x.T @ y))[:, None]) @ bread[:, : len(found.table)]
    factor = g / (g - 1) * (n - 1) / (n - k - years.shape[1] - 1)
    error = found.table["std_error"].to_numpy()
    expected = np.sqrt(factor) * multipliers(list(firms.columns), "rademacher").T @ psi
    np.testing.assert_allclose(found.draws.effects / error, expected / error, atol=TWIN)


@pytest.mark.parametrize("correction", ["cr1", "cr2"])
def test_draws_have_mean_0_and_the_variance_of_effects_and_of_their_average(correction: str) -> None:
    found = ek.estimate(sample(table(), correction), "extended_twfe", **OWN)
    for effects in (found, ek.aggregate(found, "overall")):
        error = effects.table["std_error"].to_numpy()
        scaled = effects.draws.effects / error
        assert np.abs(scaled.mean(axis=0)).max() < 5 / np.sqrt(N_DRAWS)
        assert (scaled**2).mean(axis=0) == pytest.approx(np.ones(len(error)), abs=SAMPLING)


@pytest.mark.parametrize("correction", ["cr1", "cr2"])
def test_order_of_firms_threads_and_blocks_change_no_bit(correction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(shuffle: int | None, n_threads: int) -> bytes:
        monkeypatch.setenv("EVALKIT_THREADS", str(n_threads))
        long = table() if shuffle is None else table().sample(frac=1, random_state=shuffle)
        return ek.estimate(sample(long, correction), "event_study", **OWN).draws.effects.tobytes()

    whole = drawn(None, 1)
    assert whole == drawn(3, 2)
    monkeypatch.setattr(store, "BLOCK_FIRMS", 16)
    monkeypatch.setattr(local, "BLOCK_FIRMS", 16)
    assert whole == drawn(4, 2)


def test_groups_with_period_effects_of_their_own_are_drawn_too() -> None:
    long = twins.industries(table())
    panel = twins.panel(long, covariates=("size", "industry"))
    how = Inference(correction="cr1", bootstrap="rademacher", draws=N_DRAWS, seed=SEED)
    of = twins.sample(dataclasses.replace(panel, inference=how))
    found = ek.estimate(of, "twfe", baseline=("size",), strata=("industry",))
    scaled = found.draws.effects[:, 0] / found.table["std_error"].iloc[0]
    assert (scaled**2).mean() == pytest.approx(1.0, abs=SAMPLING)
