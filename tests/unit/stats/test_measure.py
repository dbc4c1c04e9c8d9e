import numpy as np
import pytest

import evalkit as ek
import firms
from evalkit.stats.measure import Measure


def measured(**options: object) -> tuple[object, object]:
    table = firms.frame(200)
    return table, Measure(**options).measured(firms.panel(table), seed=0)


def test_blocks_are_cells_with_all_distances() -> None:
    table, found = measured(exact=("industry",))
    score, treated = found.score, table["g"].to_numpy() > 0
    cells = [(block.treated, block.control, block.gap) for block in found.blocks()]
    assert len(cells) == 4
    for number, (own, control, gap) in enumerate(cells):
        members = (table["industry"] == f"I{number}").to_numpy()
        assert sorted(own) == np.flatnonzero(members & treated).tolist()
        assert sorted(control) == np.flatnonzero(members & ~treated).tolist()
        np.testing.assert_allclose(gap, np.abs(score[own][:, None] - score[control]), rtol=1e-15)
        assert (np.diff(score[own]) >= 0).all()
    np.testing.assert_array_equal(found.sizes(), [[len(own), len(control)] for own, control, _ in cells])


def test_forbidden_pairs_are_infinitely_far() -> None:
    names = ("size", "growth")
    table, found = measured(
        distance="euclidean", covariates=names, antiexact=("region",), calipers={"size": 0.4}, caliper=0.7
    )
    (block,) = found.blocks()
    size, score, region = table["size"].to_numpy(), found.score, table["region"].to_numpy()
    t, c = block.treated[:, None], block.control
    allowed = (np.abs(size[t] - size[c]) <= 0.4) & (region[t] != region[c])
    allowed &= np.abs(score[t] - score[c]) <= 0.7 * np.std(score, ddof=1)
    np.testing.assert_array_equal(np.isfinite(block.gap), allowed)
    assert 0 < allowed.mean() < 0.5
    place = table[list(names)].to_numpy()
    np.testing.assert_allclose(block.gap[allowed], np.linalg.norm(place[t] - place[c], axis=2)[allowed], rtol=1e-12)


def test_equal_firms_stand_in_the_order_of_their_keys() -> None:
    table = firms.frame(200).assign(size=lambda t: (t["size"] > 3) * 1.0)
    found = Measure(covariates=("size",)).measured(firms.panel(table), seed=1)
    (block,) = found.blocks()
    for group in (block.treated, block.control):
        order = np.lexsort((found.key[group], found.score[group]))
        np.testing.assert_array_equal(order, np.arange(len(group)))


def test_no_score_is_made_when_none_is_needed() -> None:
    _, found = measured(distance="mahalanobis", covariates=("size", "growth"))
    assert np.isnan(found.score).all()
    assert found.place.shape == (200, 2)


def test_cells_that_are_too_large_are_counted_in_the_refusal() -> None:
    _, found = measured(exact=("industry",))
    n_pairs = np.sort(found.sizes().prod(axis=1))
    found.require_size(found.sizes(), int(n_pairs[-1]))
    with pytest.raises(ek.EvalkitError) as caught:
        found.require_size(found.sizes(), int(n_pairs[1]))
    assert caught.value.code == "E_TOO_LARGE"
    assert caught.value.problem.startswith("2 exact cells")
    assert f"{n_pairs[-1]:,}" in caught.value.problem
