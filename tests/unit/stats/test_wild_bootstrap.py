"""The wild cluster bootstrap against refits by least squares with every effect a dummy."""

import dataclasses

import numpy as np
import pytest

import twins
from evalkit.engine.paths import sample_moments
from evalkit.errors import EstimationError
from evalkit.estimation.event_study import Method as EventStudy
from evalkit.estimation.twfe import Method as Twfe
from evalkit.stats import wild_bootstrap as wild
from evalkit.stats.wild_bootstrap import VALUES, ClusterSums, wild_bootstrap
from evalkit.stats.within import fit

EXACT = 1e-7
"""Outcomes are rounded to 38 bits, and t is a ratio of their small differences."""


def table(n: int = 30, n_clusters: int = 6, effect: float = 0.3, seed: int = 4, missing: float = 0.1):
    """Firms in clusters of different sizes; a few clusters have no treated firm."""
    long = twins.frame(n=n, periods=5, missing=missing, seed=seed, effect=effect)
    number = long["firm"].str[1:].astype(int)
    code = np.concatenate([np.arange(n_clusters), np.random.default_rng(1).integers(0, n_clusters, n)])[number]
    long["g"] = np.where(code < 2, 0, long["g"])
    long["region"] = "R" + code.astype(str)
    return long[long.groupby("firm")["y"].transform("size") > 1]


def sums_of(long, method, weights=None):
    """Return cluster sums, and the weights of coefficients with zeros for the period effects."""
    panel = dataclasses.replace(twins.panel(long, covariates=["region"]), clusters=("region",))
    problem = method.problem(twins.sample(panel))
    design, columns = problem.designs[0], slice(0, len(panel.periods))
    found = fit(problem.moments, columns, design.columns, design.names)
    r = np.zeros(len(found.whole_bread))
    r[: len(problem.labels["outcome"])] = 1.0 if weights is None else weights
    return ClusterSums.of(problem.moments, found, columns), r, problem


def dense(long, regressors):
    """Return X with firms and years as dummies, y and the rows of each cluster."""
    years = np.stack([(long["year"] == t).to_numpy(float) for t in sorted(long["year"].unique())[1:]], axis=1)
    firms = np.stack([(long["firm"] == f).to_numpy(float) for f in long["firm"].unique()], axis=1)
    rows = [np.flatnonzero((long["region"] == k).to_numpy()) for k in sorted(long["region"].unique())]
    return np.column_stack([regressors, years, firms]), long["y"].to_numpy(), rows


def refits(x, y, rows, multipliers, r, null, *, is_restricted):
    """Return t^2 of the sample and of every draw, each by two least squares fits; no small-sample factor."""
    inverse = np.linalg.inv(x.T @ x)

    def square(outcome, centre):
        b = inverse @ x.T @ outcome
        e = outcome - x @ b
        scores = [r @ inverse @ x[k].T @ e[k] for k in rows]
        return (r @ b - centre) ** 2 / np.square(scores).sum()

    b = inverse @ x.T @ y
    centre = r @ b
    if is_restricted:
        b, centre = b - inverse @ r * (r @ b - null) / (r @ inverse @ r), null
    e, drawn = y - x @ b, []
    for v in multipliers:
        signs = np.empty(len(y))
        for k, value in zip(rows, v, strict=True):
            signs[k] = value
        drawn.append(square(x @ b + signs * e, centre))
    return square(y, null), np.array(drawn)


def treated(long):
    return ((long["g"] > 0) & (long["year"] >= long["g"])).to_numpy(float)


@pytest.mark.parametrize("is_restricted", [True, False])
@pytest.mark.parametrize("null", [0.0, 0.4, -1.5])
def test_all_signs_against_refits(is_restricted, null) -> None:
    long = table()
    sums, r, _ = sums_of(long, Twfe())
    x, y, rows = dense(long, treated(long))
    found = wild_bootstrap(sums, r, "rademacher", 999, 0)
    v, is_complete = wild._multipliers(len(rows), "rademacher", 999, 0)
    assert is_complete
    assert len({tuple(row) for row in v}) == 64
    weights = np.zeros(x.shape[1])
    weights[0] = 1.0
    own, drawn = refits(x, y, rows, v, weights, null, is_restricted=is_restricted)
    d = found.estimate - null
    assert d**2 / found.variance == pytest.approx(own, rel=EXACT)
    step = d if is_restricted else 0.0
    square = found.denominator[0] + 2 * step * found.denominator[1] + step**2 * found.denominator[2]
    t = (found.numerator[0] + step * found.numerator[1]) ** 2 / square
    np.testing.assert_allclose(t, drawn, rtol=1e-6, atol=1e-9)
    expected = (drawn >= own * (1 - 1e-8)).mean()
    assert found.p_value(null, is_restricted=is_restricted) == expected


@pytest.mark.parametrize("law", ["rademacher", "webb"])
def test_a_mean_of_coefficients_against_refits(law) -> None:
    long = table(n=60, n_clusters=14)
    method = EventStudy(leads=2)
    _, _, problem = sums_of(long, method)
    times = np.array(problem.labels["event_time"])
    share = (times >= 0) / (times >= 0).sum()
    sums, r, _ = sums_of(long, method, share)
    event = np.where(long["g"] > 0, np.maximum(long["year"] - long["g"], -2), 99)
    x, y, rows = dense(long, np.stack([(event == e).astype(float) for e in times], axis=1))
    weights = np.zeros(x.shape[1])
    weights[: len(share)] = share
    found = wild_bootstrap(sums, r, law, 199, 7)
    v, is_complete = wild._multipliers(len(rows), law, 199, 7)
    assert not is_complete
    own, drawn = refits(x, y, rows, v, weights, 0.0, is_restricted=True)
    assert found.p_value() == (1 + (drawn >= own).sum()) / 200


@pytest.mark.slow
def test_the_interval_has_the_values_that_are_not_rejected() -> None:
    long = table(n=60, n_clusters=9)
    sums, r, _ = sums_of(long, Twfe())
    found = wild_bootstrap(sums, r, "rademacher", 999, 0)
    x, y, rows = dense(long, treated(long))
    weights = np.zeros(x.shape[1])
    weights[0] = 1.0
    v, _ = wild._multipliers(len(rows), "rademacher", 999, 0)
    for is_restricted in (True, False):
        for end, outwards in zip(found.interval(0.95, is_restricted=is_restricted), (-1, 1), strict=True):
            assert np.isfinite(end)
            step = 1e-5 * np.sqrt(found.variance)
            p = []
            for null in (end - outwards * step, end + outwards * step):
                own, drawn = refits(x, y, rows, v, weights, null, is_restricted=is_restricted)
                p.append((drawn >= own * (1 - 1e-9)).mean())
            assert p[0] > 0.05 >= p[1]


def test_with_five_clusters_no_value_is_rejected() -> None:
    """All signs alike give the sample's own t, so that p is at least 2/32."""
    sums, r, _ = sums_of(table(n_clusters=5, effect=9.0), Twfe())
    found = wild_bootstrap(sums, r, "rademacher", 999, 0)
    assert found.p_value() >= 2 / 32
    assert found.interval(0.95) == (-np.inf, np.inf)


@pytest.mark.parametrize("law", ["rademacher", "webb"])
def test_multipliers_have_mean_zero_and_variance_one(law) -> None:
    assert VALUES[law].mean() == pytest.approx(0, abs=1e-15)
    assert (VALUES[law] ** 2).mean() == pytest.approx(1)
    v, _ = wild._multipliers(50, law, 4_000, 3)
    assert v.shape == (4_000, 50)
    assert set(np.unique(v)) == set(VALUES[law])
    assert v.mean() == pytest.approx(0, abs=5 / np.sqrt(v.size))
    assert np.abs(np.corrcoef(v.T) - np.eye(50)).max() < 5.5 / np.sqrt(4_000)


def test_no_variance_is_refused() -> None:
    long = table(missing=0.0)
    long["y"] = long["year"] * 1.0 + treated(long)
    sums, r, _ = sums_of(long, Twfe())
    with pytest.raises(EstimationError) as error:
        wild_bootstrap(sums, r, "rademacher", 999, 0)
    assert error.value.code == "E_NO_VARIANCE"


def test_sums_need_clusters() -> None:
    sample = twins.sample(twins.panel(table()))
    with pytest.raises(ValueError, match="cluster"):
        ClusterSums.of(sample_moments(sample), None, slice(0, 5))


@pytest.mark.slow
def test_size_with_eight_clusters() -> None:
    """A true null in 400 samples whose firms share shocks of their cluster; WCR keeps its level."""
    rng, long = np.random.default_rng(2), table(n=48, n_clusters=8, effect=0.0, missing=0.0)
    sums, r, problem = sums_of(long, Twfe())
    design = problem.designs[0]
    x, _, rows = dense(long, treated(long))
    inner = x[:, :5] - x[:, 5:] @ np.linalg.lstsq(x[:, 5:], x[:, :5], rcond=None)[0]
    np.testing.assert_allclose([inner[k].T @ inner[k] for k in rows], sums.gram, atol=1e-9)
    assert len(design.names) == 1
    rejected = 0
    for _ in range(400):
        y = np.empty(len(x))
        for k in rows:
            shock = dict(zip(range(2011, 2016), rng.normal(size=5), strict=True))
            y[k] = long["year"].iloc[k].map(shock) + rng.normal(size=len(k))
        score = np.array([inner[k].T @ y[k] for k in rows])
        rejected += wild_bootstrap(dataclasses.replace(sums, score=score), r, "rademacher", 999, 0).p_value() <= 0.05
    assert 0.017 < rejected / 400 < 0.083, "three standard deviations of 400 samples around 5 %"
