"""Bootstrap draws of every estimator: their law, their averages, their bands; the same bytes whatever the order."""

import dataclasses

import numpy as np
import pytest

import evalkit as ek
import twins
from evalkit.engine import local
from evalkit.errors import EvalkitError
from evalkit.model import store
from evalkit.model.effects import Effects
from evalkit.stats.bootstrap import critical_value

N_DRAWS = 4_000
NEAR = 6 * np.sqrt(2 / N_DRAWS)
"""Six standard errors of the variance of so many draws, which Mammen's weights of heavy tails need."""
ESTIMATORS = (
    ("group_time", {"comparison": "not_yet_treated"}), ("group_time", {"balanced_only": True}), ("difference", {}),
    ("group_time", {"adjustment": "doubly_robust", "covariates": ("size",)}), ("event_study", {}), ("twfe", {}),
    ("sun_abraham", {}), ("extended_twfe", {}), ("imputation", {}), ("two_stage", {}),
    ("stacked", {"before": 2, "after": 1}),
)  # fmt: skip


def sample(law="rademacher", draws=N_DRAWS, clusters=(), shuffle=None, n=240, **frame):
    long = twins.frame(n=n, missing=0.05, seed=5, **frame)
    number = long["firm"].str[1:].astype(int)
    long["size"], long["region"] = np.sin(number * 1.7), "R" + (number * 7 % 30).astype(str)
    if shuffle is not None:
        long = long.sample(frac=1, random_state=shuffle)
    panel = twins.panel(long, covariates=["size", "region"])
    inference = panel.inference.model_copy(update={"bootstrap": law, "draws": draws, "seed": 11})
    return twins.sample(dataclasses.replace(panel, inference=inference, clusters=clusters))


def expect_agreement(found: Effects) -> None:
    """Draws have the covariance that the effects have."""
    scale = np.sqrt(np.outer(np.diag(found.vcov), np.diag(found.vcov)))
    assert np.cov(found.draws.effects.T).reshape(scale.shape) / scale == pytest.approx(found.vcov / scale, abs=NEAR)


@pytest.mark.parametrize(("method", "options"), ESTIMATORS)
@pytest.mark.parametrize("clusters", [(), ("region",)])
def test_draws_have_the_covariance_of_effects_and_of_their_means(method, options, clusters) -> None:
    found = ek.estimate(sample(clusters=clusters), method, **options)
    assert found.draws is not None
    if method != "stacked" or not clusters:
        expect_agreement(found)
    if not clusters:
        expect_agreement(ek.aggregate(found, "overall"))
        expect_agreement(ek.aggregate(ek.aggregate(found, "overall"), "overall"))


def test_draws_of_a_mean_count_the_error_of_cohort_shares() -> None:
    found = ek.estimate(sample("mammen", growth=3.0), "group_time")
    overall = ek.aggregate(found, "overall")
    fixed = ek.aggregate(dataclasses.replace(found, shares=None), "overall").vcov[0, 0]
    assert overall.vcov[0, 0] > fixed * (1 + 2 * NEAR), "shares matter here"
    expect_agreement(overall)


@pytest.mark.parametrize(("method", "options"), ESTIMATORS)
def test_EST11_order_of_firms_threads_and_blocks_change_no_bit(method, options, monkeypatch) -> None:
    def drawn(shuffle, n_threads):
        monkeypatch.setenv("EVALKIT_THREADS", str(n_threads))
        found = ek.estimate(sample(draws=199, shuffle=shuffle, n=120), method, **options)
        band = ek.simultaneous_band(ek.aggregate(found, "overall"))
        return found.draws.effects.tobytes() + band.to_numpy().tobytes()

    whole = drawn(None, 1)
    assert whole == drawn(3, 2)
    if options.get("adjustment", "none") == "none":
        monkeypatch.setattr(store, "BLOCK_FIRMS", 64)
        monkeypatch.setattr(local, "BLOCK_FIRMS", 64)
        assert whole == drawn(4, 2)


def test_the_band_is_that_of_the_draws() -> None:
    path = ek.aggregate(ek.estimate(sample(), "group_time"), "event_time")
    band = ek.simultaneous_band(path)
    error = path.table["std_error"].to_numpy()
    largest = np.sort((np.abs(path.draws.effects) / error).max(axis=1))
    assert band["critical_value"][0] == largest[int(0.95 * N_DRAWS) - 1]
    np.testing.assert_array_equal(band["band_high"], path.table["estimate"] + band["critical_value"] * error)
    inside = (np.abs(path.draws.effects) <= band["critical_value"].to_numpy() * error).all(axis=1).mean()
    assert inside == pytest.approx(0.95, abs=1e-9)
    normal = ek.simultaneous_band(dataclasses.replace(path, draws=None))
    assert band["critical_value"][0] == pytest.approx(normal["critical_value"][0], abs=0.15)


def test_combinations_and_choices_of_rows_keep_their_draws(tmp_path) -> None:
    found = ek.estimate(sample(draws=199), "group_time")
    some = found.take(np.array([3, 1]))
    np.testing.assert_array_equal(some.draws.effects, found.draws.effects[:, [3, 1]])
    contrast = ek.combine(some, {"less": np.array([1.0, -1.0])})
    np.testing.assert_array_equal(contrast.draws.effects[:, 0], some.draws.effects @ [1.0, -1.0])
    found.save(tmp_path)
    back = Effects.load(tmp_path)
    assert back.draws.effects.tobytes() == found.draws.effects.tobytes()
    assert critical_value(back.draws.effects, np.sqrt(np.diag(back.vcov))) > 2


def test_parts_survive_saving(tmp_path) -> None:
    found = ek.estimate(sample("none", n=60), "group_time")
    found.save(tmp_path)
    back = Effects.load(tmp_path)
    np.testing.assert_array_equal(back.parts.vcov, found.parts.vcov)
    np.testing.assert_array_equal(back.parts.n, found.parts.n)
    assert back.draws is None


@pytest.mark.parametrize("options", [{}, {"adjustment": "regression", "covariates": ("size",)}])
def test_multipliers_of_clusters_in_two_ways_are_refused(options) -> None:
    two = sample(clusters=("region", "size_class"))
    table = two.panel.source.append_column("size_class", [[f"S{k % 6}" for k in range(two.panel.n_firms)]])
    two = dataclasses.replace(two, panel=dataclasses.replace(two.panel, source=table))
    with pytest.raises(EvalkitError) as error:
        ek.estimate(two, "group_time", **options)
    assert error.value.code == "E_OPTION"


def test_EST10_few_clusters_are_refused_and_degenerate_draws_are_told() -> None:
    def of(n_clusters):
        long = twins.frame(n=120, seed=5)
        long["region"] = ["R" + str(int(f[1:]) % n_clusters) for f in long["firm"]]
        panel = twins.panel(long, covariates=["region"])
        inference = panel.inference.model_copy(update={"bootstrap": "rademacher", "draws": 2_000})
        panel = dataclasses.replace(panel, clusters=("region",), inference=inference)
        return ek.estimate(twins.sample(panel), "group_time")

    with pytest.raises(EvalkitError) as error:
        of(5)
    assert error.value.code == "E_BOOTSTRAP"
    found = of(9)
    (note,) = [n for n in found.notes if n.startswith("degenerate_draws:")]
    lost = 2_000 - len(found.draws.effects)
    assert note == f"degenerate_draws:{lost}/2000"
    assert 0 < lost <= 20
