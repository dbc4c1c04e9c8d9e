"""Does a 5 % test of a true null reject in 5 % of samples with few treated firms? 2,000 samples of each kind.

A sample is an outcome: all of a batch are estimated together from one panel, each with its own correction.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import weights_of

pytestmark = pytest.mark.slow

REPLICATIONS, BATCH = 2_000, 50
SIZE = (0.035, 0.065)
"""At 5 %, three standard errors of a share of 2,000."""
SIZE_AT_THREE = (0.02, 0.09)
"""With three treated firms tests are not exact: 3 to 6 % with degrees of freedom of the working model, 5 to 8 % with
Welch's, which are estimated (`group_time`)."""
YEARS = np.arange(2011, 2017)
N_CONTROL = 200
Tell = Callable[[str, float], None]
CASES = {
    "imputation": {}, "two_stage": {}, "stacked": {"before": 2, "after": 1},
    "regression": {"adjustment": "regression"}, "ipw": {"adjustment": "ipw"},
    "doubly_robust": {"adjustment": "doubly_robust"},
}  # fmt: skip


def panel(y: np.ndarray, cohort: np.ndarray, size: np.ndarray) -> Panel:
    """Panel whose outcomes are the samples y (n, n_firms, n_years)."""
    columns = {"firm_id": [f"F{i:05d}" for i in range(len(cohort))], "size": size}
    columns["cohort"] = pa.array(cohort.astype(np.int32), mask=cohort == 0)
    for r, values in enumerate(y):
        columns |= {f"y{r}@{year}": values[:, t] for t, year in enumerate(YEARS.tolist())}
    outcomes = tuple(Outcome(name=f"y{r}") for r in range(len(y)))
    return Panel(pa.table(columns), tuple(YEARS.tolist()), outcomes, (PanelCovariate("size", "number"),))


def rejected(name: str, cohort: np.ndarray, spread: float, n: int = REPLICATIONS) -> float:
    """Return the share of samples in which the overall effect, which is none, is found at 5 %.

    Its weights are known: cohorts are of one size in all samples.
    """
    rng = np.random.default_rng([len(cohort), round(spread), len(name)])
    is_treated, found, is_adjusted = cohort > 0, [], "adjustment" in CASES[name]
    size = rng.standard_normal(len(cohort)) * np.where(is_treated, 0.6, 1.0) + 0.3 * is_treated
    trend = 0.1 * is_adjusted * size[:, None] * (YEARS - YEARS[0])
    for _ in range(n // BATCH):
        shock = rng.standard_normal((BATCH, len(cohort), len(YEARS)))
        for t in range(1, len(YEARS)):
            shock[..., t] += 0.6 * shock[..., t - 1]
        shock[:, is_treated] *= spread
        y = shock + 2 * rng.standard_normal((BATCH, len(cohort), 1)) + trend
        sample = twins.sample(panel(y, cohort, size))
        effects = ek.estimate(sample, "group_time" if is_adjusted else name, **CASES[name])
        means = {str(r): row for r, row in enumerate(weights_of(effects))}
        found.append(ek.combine(effects, means).table["p_value"].to_numpy(float) < 0.05)
    return float(np.concatenate(found).mean())


@pytest.mark.parametrize("spread", [1.0, 3.0])
@pytest.mark.parametrize("n_treated", [3, 5, 10, 20])
@pytest.mark.parametrize("name", list(CASES))
def test_EST02_size_with_few_treated_firms(
    name: str, n_treated: int, spread: float, tell: Tell
) -> None:  # fmt: skip
    cohort = np.repeat([2014, 0], [n_treated, N_CONTROL])
    low, high = SIZE if n_treated > 3 else SIZE_AT_THREE
    size = rejected(name, cohort, spread)
    tell("size", size)
    assert low < size < high


@pytest.mark.parametrize("name", ["imputation", "regression"])
def test_EST02_size_of_averages_over_two_cohorts(name: str, tell: Tell) -> None:
    cohort = np.repeat([2013, 2014, 0], [8, 8, N_CONTROL])
    size = rejected(name, cohort, 3.0)
    tell("size", size)
    assert SIZE[0] < size < SIZE[1]


def test_EST02_without_the_correction_the_test_rejects_too_often(
    monkeypatch: pytest.MonkeyPatch, tell: Tell
) -> None:  # fmt: skip
    monkeypatch.setattr("evalkit.stats.regression.ENOUGH_TREATED", 0)
    cohort = np.repeat([2014, 0], [5, N_CONTROL])
    for name in ("imputation", "doubly_robust"):
        size = rejected(name, cohort, 1.0, 500)
        tell(f"size of {name}", size)
        assert size > 0.09
