"""Clusters larger than firms, from the study file to the standard error."""

import dataclasses

import numpy as np
import pytest

import etl_inputs as given
import evalkit as ek
import twins
from evalkit.engine.paths import clusters, sample_moments
from evalkit.errors import DesignError
from evalkit.etl.build import build_panel
from evalkit.model.study import Inference

METHODS = ("event_study", "twfe", "sun_abraham", "extended_twfe", "group_time", "imputation", "difference")


def table(n: int = 200):
    long = twins.frame(n=n, missing=0.05, seed=2)
    number = long["firm"].str[1:].astype(int)
    return long.assign(industry=[f"I{i % 40}" for i in number], prefecture=[f"P{i % 7}" for i in number])


def sample(*names: str) -> ek.MatchedSample:
    return twins.sample(twins.panel(table(), clusters=names))


@pytest.mark.parametrize("method", METHODS)
def test_firms_as_clusters_by_name_change_nothing_but_rounding(method: str) -> None:
    """A cluster for each firm is no cluster, up to the factor that all firms have in common."""
    long = table()
    own = ek.estimate(twins.sample(twins.panel(long)), method)
    named = ek.estimate(twins.sample(twins.panel(long.assign(own=long["firm"]), clusters=("own",))), method)
    np.testing.assert_allclose(named.table["estimate"], own.table["estimate"], rtol=1e-10)
    np.testing.assert_allclose(named.vcov, own.vcov, rtol=1e-7, atol=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_clusters_change_errors_and_not_estimates(method: str) -> None:
    own, large = (ek.estimate(sample(*names), method) for names in ((), ("industry",)))
    np.testing.assert_allclose(large.table["estimate"], own.table["estimate"], rtol=1e-10)
    assert not np.allclose(large.table["std_error"], own.table["std_error"], rtol=1e-3)


def test_two_ways_are_kept_apart() -> None:
    moments = sample_moments(sample("industry", "prefecture"))
    first, second = moments.ways
    assert (len(np.unique(first)), len(np.unique(second)), moments.n_second) == (40, 7, 7)
    found = ek.estimate(sample("industry", "prefecture"), "twfe")
    assert found.row_dof == pytest.approx(6)


def test_codes_follow_the_levels_in_order() -> None:
    panel = sample("industry").panel
    code, _ = clusters(panel)
    levels = sorted(set(panel.read(["industry"]).column(0).to_pylist()))
    assert [levels[c] for c in code] == panel.read(["industry"]).column(0).to_pylist()


def test_clusters_are_no_covariates_and_survive_saving(tmp_path) -> None:
    panel = sample("industry").panel
    assert [c.name for c in panel.covariates] == []
    panel.save(tmp_path)
    loaded = ek.Panel.load(tmp_path)
    assert (loaded.clusters, loaded.inference) == (("industry",), Inference())
    np.testing.assert_array_equal(clusters(loaded)[0], clusters(panel)[0])


def test_one_choice_of_correction_and_level_holds_for_all_estimators() -> None:
    plain = sample()
    chosen = dataclasses.replace(plain, panel=dataclasses.replace(plain.panel, inference=Inference(level=0.9)))
    for method in ("event_study", "twfe", "sun_abraham", "imputation"):
        wide, narrow = ek.estimate(plain, method), ek.estimate(chosen, method)
        assert narrow.level == 0.9
        assert (narrow.table["conf_low"] > wide.table["conf_low"]).all()
    corrected = dataclasses.replace(
        plain, panel=dataclasses.replace(plain.panel, inference=Inference(correction="cr3"))
    )
    assert ek.estimate(corrected, "twfe").table["std_error"][0] > ek.estimate(plain, "twfe").table["std_error"][0]


def test_the_study_names_the_column(tmp_path) -> None:
    given.write(tmp_path, given.tables())
    asked = given.study_dict()
    asked["covariates"] = {"baseline": ["log_employees"], "clusters": "prefecture"}
    panel = build_panel(given.study(asked), tmp_path)
    assert panel.clusters == ("prefecture",)
    assert [c.name for c in panel.covariates] == ["log_employees"]
    assert len(np.unique(clusters(panel)[0])) == 3


def test_EST03_firms_without_a_cluster_are_refused() -> None:
    long = table()
    long.loc[long["firm"] == "F00003", "industry"] = None
    with pytest.raises(DesignError) as error:
        ek.estimate(twins.sample(twins.panel(long, clusters=("industry",))), "twfe")
    assert error.value.code == "E_CLUSTERS"
    assert "1 firms" in str(error.value)
