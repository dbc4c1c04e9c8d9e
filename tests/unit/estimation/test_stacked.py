"""Against the stack written out, with a dummy for every firm and year of each experiment."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.errors import DesignError

EXACT = 1e-9


def brute(
    long: pd.DataFrame, before: int, after: int, comparison: str, weights: str
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return event times, coefficients and their covariance clustered by firm over all experiments."""
    parts = []
    for cohort in sorted(g for g in long["g"].unique() if g > 0):
        if cohort - before < long["year"].min() or cohort + after > long["year"].max():
            continue
        part = long[long["year"].between(cohort - before, cohort + after)].copy()
        clean = part["g"] == 0
        if comparison == "not_yet_treated":
            clean |= part["g"] > cohort + after
        part = part[clean | (part["g"] == cohort)]
        part = part[part.groupby("firm")["y"].transform("size") > 1]
        part["own"], part["stack"], part["event"] = part["g"] == cohort, cohort, part["year"] - cohort
        n_own, n_clean = (part.loc[side, "firm"].nunique() for side in (part["own"], ~part["own"]))
        part["w"] = np.where(part["own"] | (weights == "none"), 1.0, n_own / n_clean)
        parts.append(part)
    stack = pd.concat(parts)
    times = sorted(set(stack.loc[stack["own"], "event"]) - {-1})
    columns = [(stack["own"] & (stack["event"] == e)).to_numpy(float) for e in times]
    for _, part in stack.groupby("stack"):
        inside = (stack["stack"] == part["stack"].iloc[0]).to_numpy()
        columns += [inside * (stack["year"] == y).to_numpy(float) for y in sorted(part["year"].unique())[1:]]
        columns += [inside * (stack["firm"] == f).to_numpy(float) for f in part["firm"].unique()]
    x, y, w = np.column_stack(columns), stack["y"].to_numpy(), stack["w"].to_numpy()
    bread = np.linalg.inv(x.T @ (x * w[:, None]))
    b = bread @ (x.T @ (w * y))
    scores = x * (w * (y - x @ b))[:, None]
    firms = stack["firm"].unique()
    by_firm = np.array([scores[(stack["firm"] == f).to_numpy()].sum(axis=0) for f in firms])
    n_years = sum(part["year"].nunique() for _, part in stack.groupby("stack"))
    factor = len(firms) / (len(firms) - 1) * (len(x) - 1) / (len(x) - len(times) - n_years)
    p = len(times)
    return times, b[:p], (bread @ by_firm.T @ by_firm @ bread)[:p, :p] * factor


@pytest.mark.parametrize("comparison", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("weights", ["corrected", "none"])
@pytest.mark.parametrize("missing", [0.0, 0.08])
def test_equals_the_stack_written_out(comparison: str, weights: str, missing: float) -> None:
    long = twins.frame(n=50, periods=7, missing=missing, growth=0.2, seed=5)
    options = {"before": 2, "after": 1, "comparison": comparison, "weights": weights}
    found = ek.estimate(twins.sample(twins.corrected(twins.panel(long), "cr1")), "stacked", **options)
    times, b, vcov = brute(long, 2, 1, comparison, weights)
    assert found.table["event_time"].tolist() == times
    np.testing.assert_allclose(found.table["estimate"], b, rtol=EXACT)
    np.testing.assert_allclose(found.vcov, vcov, rtol=EXACT, atol=1e-15)


def test_corrected_weights_average_experiments_by_their_supported_firms() -> None:
    """Wing, Freedman and Hollingsworth's point: the stack then equals the mean of its two-by-two comparisons."""
    long = twins.frame(n=300, periods=8, growth=0.4, seed=8)
    sample = twins.sample(twins.panel(long))
    found = ek.estimate(sample, "stacked", before=2, after=1, comparison="never_treated").table
    cells = ek.estimate(sample, "group_time", base="universal").table
    for event in (0, 1):
        own = cells[cells["event_time"] == event]
        expected = np.average(own["estimate"], weights=own["n_treated"])
        assert found.loc[found["event_time"] == event, "estimate"].item() == pytest.approx(expected, rel=1e-10)


def test_cohorts_without_a_whole_window_are_told() -> None:
    found = ek.estimate(twins.sample(twins.panel(twins.frame(n=300, periods=6))), "stacked", before=2, after=2)
    assert "cohorts_left_out:1" in found.notes


def test_no_window_is_refused() -> None:
    with pytest.raises(DesignError) as error:
        ek.estimate(twins.sample(twins.panel(twins.frame(n=60))), "stacked", before=5, after=5)
    assert error.value.code == "E_NO_CONTROL"
