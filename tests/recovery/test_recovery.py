"""Is the truth recovered, and do intervals cover it as often as they say? 2,000 replications of every estimator.

A replication is an outcome: all of a batch are estimated together from one panel, as the data are read once.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit import methods
from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.study import Outcome

pytestmark = pytest.mark.slow

REPLICATIONS, BATCH = 2_000, 5
COVERAGE = (0.935, 0.965)
"""At 95 %, three standard errors of a share of 2,000."""
BIAS_Z = 4.0
SE_RATIO = (0.95, 1.05)
"""A standard deviation of 2,000 has a standard error of 1.6 %; three of them."""
POWER = (0.77, 0.83)
"""80 % at an effect of 2.8 standard errors, three standard errors of a share of 2,000."""
EXACT = 1e-10

OPTIONS = {"triple": {"eligible": "kind", "levels": ("A",)}, "dose": {"cuts": (4.0,)}}
GROWTH = 0.2
"""Outcomes in level are exp(0.2 y), so that no firm is most of the total; with heavy tails they would have no mean."""
LINEAR = [name for name in methods.names("estimation") if name != "ratio"]

YEARS = np.arange(2011, 2019)
EFFECT = 0.4
N_FIRMS = 400

HETEROGENEOUS = [name for name in LINEAR if name not in ("twfe", "event_study", "difference", "triple")]
"""Estimators that are right when effects differ between cohorts and change over time."""


def cohorts() -> np.ndarray:
    share = {0: 0.5, 2014: 0.18, 2015: 0.16, 2016: 0.16}
    return np.repeat(list(share), [round(N_FIRMS * s) for s in share.values()])


def true_effect(kind: str) -> np.ndarray:
    """Effect (n_firms, n_years): the same for all, or growing over time, faster in later cohorts."""
    g = cohorts()[:, None]
    event = YEARS[None] - g
    size = EFFECT if kind == "same" else EFFECT * (1 + 0.3 * event) * (1 + 0.5 * (g - 2014))
    return np.where((g > 0) & (event >= 0), size, 0.0)


def level(name: str) -> np.ndarray:
    """Constants of firms (n_firms, 1) without noise: where firms are compared by their past they must have one."""
    return np.arange(N_FIRMS)[:, None] % 7 * float(name == "lagged_outcome")


def noise(rng: np.random.Generator, law: str, n: int) -> np.ndarray:
    """Disturbances (n, n_firms, n_years): firm effects, and shocks that fade by 0.6 a year."""
    shape = (n, N_FIRMS, len(YEARS))
    draw = rng.standard_t(5, shape) if law == "heavy" else rng.standard_normal(shape)
    for t in range(1, len(YEARS)):
        draw[..., t] += 0.6 * draw[..., t - 1]
    return draw + 2 * rng.standard_normal((n, N_FIRMS, 1)) + np.cos(YEARS)


def panel(y: np.ndarray) -> Panel:
    """Panel whose outcomes are the replications y (n, n_firms, n_years)."""
    g = cohorts()
    columns = {"firm_id": [f"F{i:05d}" for i in range(N_FIRMS)], "cohort": pa.array(g.astype(np.int32), mask=g == 0)}
    for r, values in enumerate(y):
        columns |= {f"y{r}@{year}": values[:, t] for t, year in enumerate(YEARS.tolist())}
    number = np.arange(N_FIRMS)
    columns |= {"kind": np.where(number % 2, "A", "B"), "dose": 1.0 + number % 7}
    outcomes = tuple(Outcome(name=f"y{r}") for r in range(len(y)))
    columns |= {f"award@{year}": 1.0 * ((g > 0) & (year >= g)) for year in YEARS.tolist()}
    return Panel(
        pa.table(columns), tuple(YEARS.tolist()), outcomes, (PanelCovariate("kind", "category"),), dose="dose",
        award_path="award",
    )  # fmt: skip


def overall(name: str, y: np.ndarray) -> np.ndarray:
    """Return estimate, lower and upper end and standard error (n, 4) of the overall effect of each replication."""
    y = np.exp(GROWTH * y) if name == "ratio" else y
    found = ek.aggregate(ek.estimate(twins.sample(panel(y)), name, **OPTIONS.get(name, {}))).table
    return found[["estimate", "conf_low", "conf_high", "std_error"]].to_numpy(dtype=float)


@cache
def replications(name: str, kind: str, law: str) -> np.ndarray:
    rng = np.random.default_rng([7, len(kind), len(law)])
    effect = true_effect(kind)
    return np.concatenate([overall(name, effect + noise(rng, law, BATCH)) for _ in range(REPLICATIONS // BATCH)])


CASES = [(name, "same", "normal") for name in methods.names("estimation")]
CASES += [(name, "same", "heavy") for name in LINEAR]
CASES += [(name, "growing", "normal") for name in HETEROGENEOUS]


@pytest.mark.parametrize(("name", "kind", "law"), CASES)
def test_intervals_cover_the_truth_as_often_as_they_say(
    name: str, kind: str, law: str, tell: Callable[[str, float], None]
) -> None:  # fmt: skip
    truth = overall(name, (true_effect(kind) + level(name))[None])[0, 0]
    estimate, low, high, error = replications(name, kind, law).T
    spread = estimate.std(ddof=1)
    assert abs(estimate.mean() - truth) < BIAS_Z * spread / np.sqrt(REPLICATIONS)
    assert SE_RATIO[0] < error.mean() / spread < SE_RATIO[1]
    covered = np.mean((low <= truth) & (truth <= high))
    tell("coverage", covered)
    assert COVERAGE[0] <= covered <= COVERAGE[1]


@pytest.mark.parametrize("name", HETEROGENEOUS)
def test_each_cohort_and_year_has_its_own_effect_without_noise(name: str) -> None:
    """Cells by cohort and year are the planted ones; those by event time are means over cohorts by their size."""
    effect, g = true_effect("growing"), cohorts()
    found = ek.estimate(twins.sample(panel(effect[None] + level(name) + np.cos(YEARS))), name).table
    after = found[(found["event_time"] >= 0).fillna(False)]
    assert len(after)
    for row in after.itertuples():
        if pd.notna(row.cohort):
            wanted = effect[g == row.cohort][0, row.cohort + row.event_time - YEARS[0]]
        else:
            seen = [c for c in np.unique(g[g > 0]) if c + row.event_time <= YEARS[-1]]
            sizes = [np.sum(g == c) for c in seen]
            cells = [effect[g == c][0, c + row.event_time - YEARS[0]] for c in seen]
            wanted = np.average(cells, weights=sizes)
        assert row.estimate == pytest.approx(wanted, abs=EXACT)


@pytest.mark.parametrize("name", methods.names("estimation"))
def test_an_effect_of_2_8_standard_errors_is_found_four_times_in_five(
    name: str, tell: Callable[[str, float], None]
) -> None:
    estimate, *_, error = replications(name, "same", "normal").T
    truth = overall(name, (true_effect("same") + level(name))[None])[0, 0]
    spread = estimate.std(ddof=1)
    z = (estimate - truth + 2.8 * spread) / error
    power = np.mean(np.abs(z) > 1.96)
    tell("power", power)
    assert POWER[0] < power < POWER[1]
