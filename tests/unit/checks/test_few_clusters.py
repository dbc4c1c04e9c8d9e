import dataclasses

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins
from evalkit.model.study import Inference
from evalkit.stats.few_clusters import cluster_shares, effective_clusters

EXACT = 1e-10
REPETITIONS = 4_000
MONTE_CARLO = 3 * np.sqrt(0.15 * 0.85 / REPETITIONS)


def check(n_treated: int, n_control: int, *, correction: str = "cr1", **roles: object):
    long = twins.frame(n_treated + n_control)
    order = long["firm"].astype("category").cat.codes
    long["g"] = np.where(order < n_treated, 2013, 0)
    long["town"] = "T" + (order % 8).astype(str)
    panel = dataclasses.replace(twins.panel(long, **roles), inference=Inference(correction=correction))
    sample = twins.sample(panel)
    return ek.check(sample, ek.estimate(sample), "few_clusters")


def regression_gamma(cluster: np.ndarray, treated: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """e'(X'X)^-1 X_g' J X_g (X'X)^-1 e of a weighted regression on a constant and the treatment, J all ones."""
    x = np.column_stack([np.ones(len(treated)), treated])
    bread = np.linalg.inv(x.T @ (x * weight[:, None]))
    return np.array([
        (bread @ (x[cluster == g] * weight[cluster == g, None]).sum(axis=0))[1] ** 2 for g in np.unique(cluster)
    ])  # fmt: skip


def test_effective_number_is_that_of_the_regression() -> None:
    rng = np.random.default_rng(1)
    cluster, treated, weight = rng.integers(0, 12, 200), rng.random(200) < 0.3, rng.uniform(0.2, 2, 200)
    gamma = regression_gamma(cluster, treated, weight)
    spread = ((gamma - gamma.mean()) ** 2).mean() / gamma.mean() ** 2
    found = effective_clusters(cluster_shares(weight, treated, cluster))
    assert found == pytest.approx(12 / (1 + spread), rel=EXACT)


@pytest.mark.parametrize(("n_treated", "n_control"), [(5, 195), (50, 50)])
def test_firms_have_a_closed_form(n_treated: int, n_control: int) -> None:
    treated = np.arange(n_treated + n_control) < n_treated
    found = effective_clusters(cluster_shares(np.ones(len(treated)), treated, np.arange(len(treated))))
    expected = (1 / n_treated + 1 / n_control) ** 2 / (1 / n_treated**3 + 1 / n_control**3)
    assert found == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize(
    ("n_treated", "case", "verdict"), [(2, "none", "fail"), (20, "few", "warn"), (60, "enough", "pass")]
)
def test_rule_table(n_treated: int, case: str, verdict: str) -> None:
    result = check(n_treated, 140)
    assert (result.values["case"], result.verdict) == (case, verdict)
    assert (result.values["n_treated"], result.values["n_control"]) == (n_treated, 140)


def test_corrected_standard_errors_pass() -> None:
    result = check(20, 140, correction="auto")
    assert (result.values["case"], result.verdict) == ("corrected", "pass")


def test_clusters_above_the_firm_are_counted_instead() -> None:
    result = check(60, 140, clusters=["town"])
    assert (result.values["case"], result.verdict) == ("few_clusters", "warn")
    assert (result.values["treated_clusters"], result.values["control_clusters"]) == (8, 8)


def test_one_large_cluster_lowers_the_effective_number() -> None:
    sizes = np.array([200, *([5] * 10)])
    cluster = np.repeat(np.arange(11), sizes)
    treated = np.concatenate([np.ones(200), np.tile([1, 0, 0, 0, 0], 10)]).astype(bool)
    assert effective_clusters(cluster_shares(np.ones(250), treated, cluster)) < 2


@pytest.mark.parametrize(("n_treated", "expected"), [(5, 0.147), (50, 0.051)])
def test_limits_are_where_the_plain_test_loses_its_size(n_treated: int, expected: float) -> None:
    """The rates in the rule: a true null, 200 firms, one change each, CR1 and the t distribution with G - 1."""
    rng = np.random.default_rng(n_treated)
    y = rng.normal(size=(REPETITIONS, 200))
    sides = y[:, :n_treated], y[:, n_treated:]
    error = np.sqrt(sum(s.var(axis=1) / s.shape[1] for s in sides) * 200 / 199 * 199 / 198)
    rate = (np.abs(sides[0].mean(axis=1) - sides[1].mean(axis=1)) / error > 1.972).mean()
    assert rate == pytest.approx(expected, abs=MONTE_CARLO)


def test_no_controls_is_said() -> None:
    long = twins.frame(60)
    result = ek.check(twins.sample(twins.panel(long[long["g"] > 0])), (), "few_clusters")
    assert (result.verdict, result.values["case"]) == ("info", "no_groups")


def test_clusters_that_only_controls_have_do_not_count_as_treated() -> None:
    frame = pd.DataFrame({"cluster": [0, 0, 1, 1, 2], "treated": [True, False, False, False, False]})
    shares = cluster_shares(np.ones(5), frame["treated"].to_numpy(), frame["cluster"].to_numpy())
    assert (shares[:, 0] > 0).tolist() == [True, False, False]
