"""Against the formulas with every effect a dummy and every cluster a matrix."""

import dataclasses

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.engine.paths import sample_moments
from evalkit.errors import EstimationError
from evalkit.stats.cluster import robust
from evalkit.stats.regression import Design, regress
from evalkit.stats.within import fit

EQUAL = 1e-9
"""Both sides are exact algebra; eigenvalues of matrices of order 1 cost six digits of sixteen."""


def table(n: int = 24, missing: float = 0.1, seed: int = 4):
    return twins.frame(n=n, periods=5, missing=missing, seed=seed)


def dense(long, cluster=None, weight=None):
    """Return X (treated, years, firms), y, the rows of each cluster, and the root of weights."""
    counts = long.groupby("firm")["y"].transform("size")
    long = long[counts > 1].sort_values(["firm", "year"])
    treated = ((long["g"] > 0) & (long["year"] >= long["g"])).to_numpy(float)
    years = np.stack([(long["year"] == y).to_numpy(float) for y in sorted(long["year"].unique())[1:]], axis=1)
    firms = np.stack([(long["firm"] == f).to_numpy(float) for f in long["firm"].unique()], axis=1)
    root = np.sqrt(np.ones(len(long)) if weight is None else long["firm"].map(weight).to_numpy())
    key = long["firm"] if cluster is None else long["firm"].map(cluster)
    rows = [np.flatnonzero((key == k).to_numpy()) for k in sorted(key.unique())]
    return np.column_stack([treated, years, firms]) * root[:, None], long["y"].to_numpy() * root, rows


def brute(x, y, rows, power):
    """Return the variance of the first coefficient and its degrees of freedom, written out over clusters."""
    inverse = np.linalg.inv(x.T @ x)
    e = y - x @ (inverse @ (x.T @ y))
    hat = x @ inverse @ x.T
    scores, loads = [], []
    for r in rows:
        size, axes = np.linalg.eigh(np.eye(len(r)) - hat[np.ix_(r, r)])
        size = np.where(size > 1e-9, np.maximum(size, 1e-9) ** power, 0.0)
        a = (axes * size) @ axes.T
        scores.append((inverse @ x[r].T @ a @ e[r])[0])
        loads.append((np.eye(len(x)) - hat)[:, r] @ a @ x[r] @ inverse[:, 0])
    p = np.array(loads) @ np.array(loads).T
    return float(np.sum(np.square(scores))), float(np.trace(p) ** 2 / (p**2).sum())


def solved(sample, correction):
    """Return the variance and degrees of freedom that the moments give."""
    moments = sample_moments(sample)
    years = np.array(sample.panel.periods)
    hit = (moments.cohort[:, None] > 0) & (years >= moments.cohort[:, None])
    found = regress(moments, [Design(hit[:, :, None].astype(float), ["treated"])], correction=correction)
    return float(found.vcov[0, 0]), float(found.dof[0])


def by_cluster(sample, labels):
    """Put the firms of a sample into clusters by number."""
    from evalkit.engine import paths

    column = np.array([labels[f] for f in sample.panel.firm.to_pylist()], np.int64)
    y = np.array(
        [sample.panel.read([c]).column(0).to_numpy(zero_copy_only=False) for c in paths.path_columns(sample.panel)]
    ).T
    from evalkit.stats.moments import Quantum, block_moments, combine

    quantum = Quantum.covering(np.nanmin(y, axis=0), np.nanmax(y, axis=0), 1.0)
    part = block_moments(sample.weight, y, sample.panel.cohort, quantum, column)
    return combine([part], quantum)


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_firms_as_clusters(correction, power, missing) -> None:
    long = table(missing=missing)
    expected = brute(*dense(long), power)
    variance, dof = solved(twins.sample(twins.panel(long)), correction)
    assert variance == pytest.approx(expected[0], rel=EQUAL)
    if correction == "cr2":
        assert dof == pytest.approx(expected[1], rel=EQUAL)


def test_weights_that_are_alike_within_groups() -> None:
    long = table(missing=0.0)
    weight = {f: 1.0 if g else 0.4 for f, g in long.groupby("firm")["g"].first().items()}
    panel = twins.panel(long)
    sample = twins.sample(panel, np.array([weight[f] for f in panel.firm.to_pylist()]))
    variance, dof = solved(sample, "cr2")
    assert (variance, dof) == pytest.approx(brute(*dense(long, weight=weight), -0.5), rel=1e-8)


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
def test_clusters_of_firms(correction, power) -> None:
    long = table(n=60)
    cluster = {f: i % 7 for i, f in enumerate(sorted(long["firm"].unique()))}
    expected = brute(*dense(long, cluster), power)
    moments = by_cluster(twins.sample(twins.panel(long)), cluster)
    years = np.unique(long["year"])
    hit = (moments.cohort[:, None] > 0) & (years >= moments.cohort[:, None])
    found = regress(moments, [Design(hit[:, :, None].astype(float), ["treated"])], correction=correction)
    assert found.vcov[0, 0] == pytest.approx(expected[0], rel=EQUAL)
    if correction == "cr2":
        assert found.dof[0] == pytest.approx(expected[1], rel=EQUAL)


def test_clusters_in_two_ways_add_both_and_take_their_intersections_off() -> None:
    long = table(n=80, missing=0.0)
    firms = sorted(long["firm"].unique())
    first, second = ({f: (i * k) % m for i, f in enumerate(firms)} for k, m in ((1, 6), (5, 9)))
    sample = twins.sample(twins.panel(long))
    both = by_cluster(sample, {f: first[f] * 9 + second[f] for f in firms})
    moments = dataclasses.replace(both, n_second=9)
    years = np.unique(long["year"])
    design = [Design(((moments.cohort[:, None] > 0) & (years >= moments.cohort[:, None]))[:, :, None] * 1.0, ["x"])]
    found = regress(moments, design, correction="cr1")
    x, y, _ = dense(long)
    inverse = np.linalg.inv(x.T @ x)
    e = y - x @ (inverse @ (x.T @ y))
    total = 0.0
    for key, sign in ((first, 1), (second, 1), ({f: (first[f], second[f]) for f in firms}, -1)):
        _, _, rows = dense(long, key)
        total += sign * sum(float((inverse @ x[r].T @ e[r])[0]) ** 2 for r in rows)
    n, k = len(x), 1 + 5
    assert found.vcov[0, 0] == pytest.approx(total * 6 / 5 * (n - 1) / (n - k), rel=EQUAL)
    assert found.dof[0] == 5


def test_one_cluster_is_refused() -> None:
    long = table()
    moments = by_cluster(twins.sample(twins.panel(long)), dict.fromkeys(long["firm"].unique(), 0))
    years = np.unique(long["year"])
    hit = ((moments.cohort[:, None] > 0) & (years >= moments.cohort[:, None]))[:, :, None] * 1.0
    with pytest.raises(EstimationError) as error:
        robust(moments, fit(moments, slice(0, 5), hit, ["x"]), "cr1")
    assert error.value.code == "E_CLUSTERS"


@pytest.mark.parametrize("n_treated", [5, 10])
def test_EST02_size_with_few_treated_firms(n_treated: int) -> None:
    """A true null in 3,000 samples of 200 firms: CR1 rejects far too often, CR2 with its degrees of freedom does not.

    With two periods the effect is a difference of mean changes, so all samples are solved at once.
    """
    from scipy import stats

    n, n_samples = 200, 3000
    change = np.random.default_rng(n_treated).normal(size=(n_samples, n))
    treated, control = change[:, :n_treated], change[:, n_treated:]
    estimate = treated.mean(axis=1) - control.mean(axis=1)
    long = twins.frame(n=n, periods=2, seed=0)
    long["g"] = np.where(long["firm"] < f"F{n_treated:05d}", 2012, 0)
    long["y"] = np.where(long["year"] == 2012, np.repeat(change[0], 2), 0.0)
    variance, dof = solved(twins.sample(twins.panel(long)), "cr2")
    parts = [x.var(axis=1, ddof=1) / x.shape[1] for x in (treated, control)]
    assert variance == pytest.approx(parts[0][0] + parts[1][0], rel=1e-8)
    t = np.abs(estimate) / np.sqrt(parts[0] + parts[1])
    rejected = (t > stats.t.isf(0.025, dof)).mean()
    plain = [x.var(axis=1) / x.shape[1] for x in (treated, control)]
    assert 0.035 < rejected < 0.065
    assert (np.abs(estimate) / np.sqrt(plain[0] + plain[1]) > stats.norm.isf(0.025)).mean() > 0.065


def test_auto_takes_cr2_below_fifty_treated_firms() -> None:
    for n, expected in ((40, "cr2"), (200, "cr1")):
        sample = twins.sample(twins.panel(twins.frame(n=n, missing=0.0)))
        assert solved(sample, "auto") == solved(sample, expected)


def test_effects_carry_the_degrees_of_freedom_of_each_row() -> None:
    found = ek.estimate(twins.sample(twins.panel(twins.frame(n=40))), "event_study")
    assert len(set(found.row_dof)) > 1
    from scipy import stats

    half = stats.t.isf(0.025, found.row_dof) * found.table["std_error"]
    np.testing.assert_allclose(found.table["conf_high"] - found.table["estimate"], half, rtol=1e-12)
    overall = ek.aggregate(found, "overall")
    is_after = (found.table["event_time"] >= 0).to_numpy()
    assert overall.row_dof == pytest.approx(found.row_dof[is_after].min())
