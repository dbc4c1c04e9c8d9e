"""Parity with R MatchIt 4.5.1 on the LaLonde data: coarsened exact, exact, subclass and full matching.

Made by matchit(treat ~ age + educ + race + married + nodegree + re74 + re75, data, method = ...) with the options in
the comments; the effect is the weighted difference of means of re78.
"""

import json

import numpy as np
import pytest

import evalkit as ek
from lalonde import data, panel
from references import reference

PRINTED = 1e-13
"""Relative; fifteen digits were printed."""
SUMMED = 1e-12
"""Relative; 185 distances are added up in another order."""
STORED = 1e-10
"""Relative; R's scores are right to 1e-9, which moves no firm to another class."""


def effect(sample: ek.MatchedSample) -> float:
    re78, treated, weight = data()["re78"].to_numpy(), panel().cohort > 0, sample.weight
    return float(
        np.average(re78[treated], weights=weight[treated]) - np.average(re78[~treated], weights=weight[~treated])
    )


@pytest.mark.parametrize(
    ("options", "n_treated", "n_control", "n_cells", "att", "effective"),
    [
        ({}, 65, 75, 25, 1070.90732642735, 41.2898472039091),  # method = "cem"
        # cutpoints = list(age = "fd", educ = "fd", ...), the same with "scott"
        ({"rule": "fd"}, 39, 33, 18, 495.531073675214, 28.3416149068323),
        ({"rule": "scott"}, 60, 58, 25, 398.519689074074, 28.1739130434783),
        (
            # The same as lists; grouping names all levels.
            {
                "cutpoints": {"age": [20, 25, 30, 40], "educ": 0, "re74": 4, "re75": 4},
                "grouping": {"race": [["white", "hispan"], ["black"]]},
            },
            101, 142, 41, 369.244909551902, 51.2730645338227,
        ),
    ],
)  # fmt: skip
def test_coarsened(options: dict, n_treated: int, n_control: int, n_cells: int, att: float, effective: float) -> None:
    sample = ek.match(panel(), "coarsened", **options)
    assert (sample.n_treated, sample.n_control, sample.subclass.max() + 1) == (n_treated, n_control, n_cells)
    assert effect(sample) == pytest.approx(att, rel=PRINTED)
    assert sample.effective_controls == pytest.approx(effective, rel=PRINTED)


def test_exact() -> None:
    """matchit(treat ~ race + married + nodegree, data, method = "exact")."""
    sample = ek.match(panel(), "exact", on=("race", "married", "nodegree"))
    assert (sample.n_treated, sample.n_control, sample.subclass.max() + 1) == (185, 429, 12)
    assert effect(sample) == pytest.approx(1309.89721000308, rel=PRINTED)
    assert sample.effective_controls == pytest.approx(111.52542484458, rel=PRINTED)


def test_six_subclasses_equal_the_stored_answer() -> None:
    stored = json.loads(reference("answers/matchit_lalonde_public.json").read_text())["values"]["subclass6"]["est"]
    sample = ek.match(panel(), "subclass")
    assert effect(sample) == pytest.approx(stored["wls_diff"], rel=STORED)
    assert stored["wls_diff"] == pytest.approx(1359.4875, abs=5e-5)
    assert sample.effective_controls == pytest.approx(stored["ess_control"], rel=STORED)
    assert (sample.weight > 0).sum() == stored["n"]


@pytest.mark.parametrize(
    ("options", "n_control", "att"),
    [
        ({"subclass": 10}, [304, 52, 14, 5, 12, 13, 11, 7, 9, 2], 813.148453808354),
        ({"subclass": 15}, [273, 52, 31, 12, 2, 5, 9, 6, 10, 8, 7, 3, 8, 1, 2], 1214.00318567036),  # one class filled
        ({"subclass": 8, "min_n": 5}, [307, 58, 8, 14, 19, 9, 9, 5], 1016.14219303086),  # min.n = 5: one class filled
    ],
)
def test_subclasses(options: dict, n_control: list[int], att: float) -> None:
    sample = ek.match(panel(), "subclass", **options)
    np.testing.assert_array_equal(np.bincount(sample.subclass[panel().cohort == 0]), n_control)
    assert effect(sample) == pytest.approx(att, rel=STORED)


def test_full_match_is_as_near_as_the_one_that_is_printed() -> None:
    """MatchIt's vignette: matchit(..., method = "full", distance = "glm", link = "probit"), by optmatch.

    It prints the mean difference of scores within sets, in standard deviations of the treated firms, and mean scores.
    On a line many full matchings are equally good, and optmatch rounds distances, so that sets may differ.
    """
    sample = ek.match(panel(), "full", distance="score", model="probit")
    treated, score = panel().cohort > 0, sample.distance
    same = (sample.subclass[treated][:, None] == sample.subclass[~treated]).nonzero()
    apart = np.abs(score[treated][same[0]] - score[~treated][same[1]])
    printed, half = 0.0198, 0.00005
    assert 0.98 * printed < apart.mean() / np.std(score[treated], ddof=1) < printed + half
    assert np.average(score[~treated], weights=sample.weight[~treated]) == pytest.approx(0.5764, abs=0.0005)
    assert (sample.n_treated, sample.n_control) == (185, 429)
    assert sample.effective_controls == pytest.approx(50.76, rel=0.03)


def test_optimal_pairs_are_nearer_than_the_greedy_ones() -> None:
    stored = json.loads(reference("answers/matchit_lalonde_public.json").read_text())["values"]["nn_default_largest"]
    sample = ek.match(panel(), "optimal", distance="score")
    score = sample.distance
    greedy = sum(abs(score[a - 1] - score[b - 1]) for a, (b,) in stored["pairs"])
    assert sum(sample.pairs["distance"].to_pylist()) <= greedy * (1 + SUMMED)
    assert sample.n_control == sample.n_treated == 185
