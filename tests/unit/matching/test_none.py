import numpy as np

import evalkit as ek
import firms


def test_every_firm_counts_once() -> None:
    panel = firms.panel(firms.frame(60))
    sample = ek.match(panel)
    assert sample.method == "none"
    assert (sample.weight == 1).all()
    assert (sample.subclass == -1).all()
    assert np.isnan(sample.distance).all()
    assert sample.pairs.num_rows == 0


def test_all_firms_treated_is_left_to_the_estimator() -> None:
    table = firms.frame(40)
    table["g"] = np.where(np.arange(40) % 2, 2013, 2014)
    assert ek.match(firms.panel(table)).n_control == 0
