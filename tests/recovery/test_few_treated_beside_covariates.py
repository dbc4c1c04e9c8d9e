"""Does a 5 % test of a true null beside covariates of firms reject in 5 % of samples with few treated firms?

A sample is an outcome: all of a batch are estimated from one panel, each with its own regression.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.study import Outcome

pytestmark = pytest.mark.slow

REPLICATIONS, BATCH = 1_000, 50
SIZE = (0.029, 0.071)
"""At 5 %, three standard errors of a share of 1,000."""
PLAIN = 0.09
"""CR1 with five treated firms rejects in more samples than this."""
YEARS = np.arange(2011, 2017)
N_CONTROL = 200


def panel(rng: np.random.Generator, n_treated: int) -> Panel:
    """Samples without an effect: paths follow a covariate that the award goes with, and drift apart by size."""
    cohort = np.repeat([2014, 0], [n_treated, N_CONTROL])
    n, hit = len(cohort), (cohort[:, None] > 0) & (YEARS >= 2014)
    size = np.exp(0.5 * rng.standard_normal(n)) + 0.5 * (cohort > 0)
    x = 0.4 * hit + rng.standard_normal((n, len(YEARS))) * np.sqrt(size)[:, None]
    shock = rng.standard_normal((BATCH, n, len(YEARS)))
    for t in range(1, len(YEARS)):
        shock[..., t] += 0.6 * shock[..., t - 1]
    y = shock + 2 * rng.standard_normal((BATCH, n, 1)) + 0.5 * x + 0.1 * size[:, None] * (YEARS - YEARS[0])
    columns = {"firm_id": [f"F{i:05d}" for i in range(n)], "size": size}
    columns["cohort"] = pa.array(cohort.astype(np.int32), mask=cohort == 0)
    for t, year in enumerate(YEARS.tolist()):
        columns |= {f"x@{year}": x[:, t]} | {f"y{r}@{year}": values[:, t] for r, values in enumerate(y)}
    outcomes = tuple(Outcome(name=f"y{r}") for r in range(BATCH))
    return Panel(
        pa.table(columns), tuple(YEARS.tolist()), outcomes, (PanelCovariate("size", "number"),), time_varying=("x",)
    )


def rejected(n_treated: int, correction: str, n: int = REPLICATIONS) -> float:
    """Return the share of samples in which an effect is found at 5 %."""
    rng, found = np.random.default_rng(n_treated), []
    for _ in range(n // BATCH):
        sample = twins.sample(twins.corrected(panel(rng, n_treated), correction))
        table = ek.estimate(sample, "twfe", time_varying=("x",), baseline=("size",)).table
        found.append(table["p_value"].to_numpy(float) < 0.05)
    return float(np.concatenate(found).mean())


@pytest.mark.parametrize("n_treated", [5, 10, 20])
def test_EST02_size_beside_covariates_with_few_treated_firms(
    n_treated: int, tell: Callable[[str, float], None]
) -> None:  # fmt: skip
    size = rejected(n_treated, "auto")
    tell("size", size)
    assert SIZE[0] < size < SIZE[1]


def test_EST02_without_the_correction_the_test_rejects_too_often(tell: Callable[[str, float], None]) -> None:
    size = rejected(5, "cr1")
    tell("size", size)
    assert size > PLAIN
