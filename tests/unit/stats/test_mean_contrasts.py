"""Differences of mean changes against Welch's test, clusters written out, and repeated samples of a true null."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
import twins
from evalkit.engine.paths import sample_moments
from evalkit.errors import EstimationError
from evalkit.model.effects import Parts
from evalkit.stats.averages import welch_dof
from evalkit.stats.mean_contrasts import MeanContrast, contrast_means
from evalkit.stats.moments import Quantum, block_moments, combine

ROUNDED = 1e-8
"""Outcomes are rounded to 38 bits before they are added up."""


def few(n: int = 80, n_treated: int = 7, **options: object):
    """Two cohorts of few firms, the others never treated."""
    long = twins.frame(n=n, seed=3, **options)
    number = long["firm"].str[1:].astype(int)
    long["g"] = np.where(number < n_treated, 2013, np.where(number < n_treated + 4, 2014, 0))
    return long


def changes(long, cohort: int, year: int):
    """Return the changes of a cohort's firms and of the never treated ones since the year before the award."""
    wide = long.pivot_table(index="firm", columns="year", values="y")
    g = long.groupby("firm")["g"].first()
    change = (wide[year] - wide[cohort - 1]).dropna()
    return change[g == cohort], change[g == 0]


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_cells_are_those_of_welchs_test(missing: float) -> None:
    long = few(missing=missing)
    table = ek.estimate(twins.sample(twins.panel(long)), "group_time").table
    for row in table[table["event_time"] >= 0].itertuples():
        twin = stats.ttest_ind(*changes(long, row.cohort, row.year), equal_var=False)
        assert row.p_value == pytest.approx(twin.pvalue, rel=ROUNDED)
        assert (row.conf_low, row.conf_high) == pytest.approx(tuple(twin.confidence_interval(0.95)), rel=1e-6)


def test_the_plain_difference_is_welchs_test_too() -> None:
    long = few(missing=0.0)
    found = ek.estimate(twins.sample(twins.panel(long)), "difference")
    for row in found.table.itertuples():
        twin = stats.ttest_ind(*changes(long, row.cohort, row.cohort), equal_var=False)
        assert row.p_value == pytest.approx(twin.pvalue, rel=ROUNDED)


def test_the_mean_of_cells_of_one_cohort_is_the_test_of_mean_changes() -> None:
    long = few(missing=0.0)
    long = long[long["g"] != 2014]
    overall = ek.aggregate(ek.estimate(twins.sample(twins.panel(long)), "group_time"), "overall")
    sides = [np.mean([changes(long, 2013, year)[s] for year in range(2013, 2017)], axis=0) for s in (0, 1)]
    twin = stats.ttest_ind(*sides, equal_var=False)
    assert overall.table["p_value"][0] == pytest.approx(twin.pvalue, rel=1e-6)


def test_a_mean_over_cohorts_has_more_degrees_of_freedom_than_its_cells() -> None:
    found = ek.estimate(twins.sample(twins.panel(few(missing=0.0))), "group_time")
    overall = ek.aggregate(found, "overall")
    after = (found.table["event_time"] >= 0).to_numpy()
    assert found.row_dof[after].min() < overall.row_dof[0] < 80
    twice = ek.aggregate(ek.aggregate(found, "event_time"), "overall")
    assert 3 <= twice.row_dof[0] < 80


def test_degrees_of_freedom_of_a_sum_written_out() -> None:
    parts = Parts(np.array([[[2.0]], [[1.0]]]), np.array([[5], [11]]))
    assert welch_dof(parts) == pytest.approx([9 / (4 / 4 + 1 / 10)])


def test_parts_add_up_to_the_covariance() -> None:
    found = ek.estimate(twins.sample(twins.panel(few(missing=0.1))), "group_time")
    assert found.parts is not None
    np.testing.assert_allclose(found.parts.vcov.sum(axis=0), found.vcov, rtol=1e-10, atol=1e-14)


def brute(long, cluster, cohort, year, power):
    """Return variance and degrees of freedom of a cell with every matrix written out."""
    treated, control = changes(long, cohort, year)
    y = np.concatenate([treated, control])
    x = np.zeros((len(y), 2))
    x[: len(treated), 0] = x[len(treated) :, 1] = 1.0
    label = np.array([cluster[f] for f in (*treated.index, *control.index)])
    inverse = np.linalg.inv(x.T @ x)
    hat = x @ inverse @ x.T
    rest, c = np.eye(len(y)) - hat, np.array([1.0, -1.0])
    scores, loads = [], []
    for k in np.unique(label):
        r = np.flatnonzero(label == k)
        size, axes = np.linalg.eigh(np.eye(len(r)) - hat[np.ix_(r, r)])
        root = np.where(size > 1e-9, np.maximum(size, 1e-9) ** power, 0.0)
        a = x[r] @ inverse @ c @ (axes * root) @ axes.T
        scores.append(a @ rest[r] @ y)
        loads.append(a @ rest[r])
    p = np.array(loads) @ np.array(loads).T
    return np.square(scores).sum(), np.trace(p) ** 2 / (p**2).sum()


@pytest.mark.parametrize(("correction", "power"), [("cr2", -0.5), ("cr3", -1.0)])
def test_clusters_above_the_firm_written_out(correction, power) -> None:
    long = few(n=60, n_treated=20, missing=0.1)
    cluster = {f: int(f[1:]) * 7 % 9 for f in long["firm"]}
    long["region"] = ["R" + str(cluster[f]) for f in long["firm"]]
    panel = twins.panel(long, covariates=["region"])
    inference = panel.inference.model_copy(update={"correction": correction})
    found = ek.estimate(
        twins.sample(dataclasses.replace(panel, clusters=("region",), inference=inference)), "group_time"
    )
    rows = found.table[(found.table["cohort"] == 2013) & (found.table["event_time"] >= 0)]
    for k, row in zip(rows.index, rows.itertuples(), strict=True):
        variance, dof = brute(long, cluster, 2013, row.year, power)
        assert found.vcov[k, k] == pytest.approx(variance, rel=ROUNDED)
        assert found.row_dof[k] == pytest.approx(dof, rel=ROUNDED)


def test_clusters_in_two_ways_are_not_corrected_and_one_cluster_is_refused() -> None:
    moments = sample_moments(twins.sample(twins.panel(few(missing=0.0))))
    cell = MeanContrast(np.array([0, -1.0, 1, 0, 0, 0]), moments.cohort == 2013, moments.cohort == 0)
    both = dataclasses.replace(moments, cluster=np.arange(moments.n_groups) * 3 + 1, n_second=3)
    with pytest.raises(EstimationError) as error:
        contrast_means(both, [cell])
    assert error.value.code == "E_CLUSTERS"
    crossed = dataclasses.replace(both, cluster=np.array([0, 1, 5]))
    assert not contrast_means(crossed, [cell], "cr2").is_corrected


def test_enough_treated_firms_take_the_normal_law() -> None:
    many = ek.estimate(twins.sample(twins.panel(twins.frame(n=400))), "group_time")
    assert np.isinf(many.row_dof).all()
    assert many.parts is None


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_EST02_size_with_five_treated_firms(spread: float) -> None:
    """A true null in 2,000 samples of 5 treated firms, as noisy as 200 others or three times as much.

    Samples are outcomes of one panel, four panels of 500, so that one call solves many.
    """
    rng, n, n_samples = np.random.default_rng(8), 205, 500
    is_treated = np.arange(n) < 5
    p_values, statistics = [], []
    for _ in range(4):
        y = rng.normal(size=(n, n_samples)) * np.where(is_treated, spread, 1.0)[:, None]
        quantum = Quantum.covering(y.min(axis=0), y.max(axis=0), 1.0)
        cohort = np.where(is_treated, 2012, 0).astype(np.int32)
        moments = combine([block_moments(np.ones(n), y, cohort, quantum)], quantum)
        cells = [MeanContrast(row, moments.cohort > 0, moments.cohort == 0) for row in np.eye(n_samples)]
        found = contrast_means(moments, cells)
        statistics.append(np.abs(found.estimate) / np.sqrt(np.diag(found.vcov)))
        p_values.append(2 * stats.t.sf(statistics[-1], found.dof))
    rejected = (np.concatenate(p_values) < 0.05).mean()
    assert 0.035 < rejected < 0.065, "the band of 2,000 samples around 5 %"
    assert (np.concatenate(statistics) > stats.norm.isf(0.025)).mean() > 0.09
