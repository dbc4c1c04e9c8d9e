import numpy as np
import pytest

import twins
from evalkit.engine.paths import sample_moments
from evalkit.stats.mean_paths import paths_before

SAME = 1e-8
"""Moments are rounded to 2^-38 of the range of the values."""


@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_equals_a_loop_over_cohorts(missing: float) -> None:
    table = twins.frame(200, missing=missing, seed=4)
    panel = twins.panel(table)
    weight = np.random.default_rng(1).choice([0.0, 0.5, 2.0], panel.n_firms)
    sample = twins.sample(panel, weight)
    w = dict(zip(panel.firm.to_pylist(), weight, strict=True))
    table = table.assign(w=table["firm"].map(w)).query("w > 0")
    rows = paths_before(sample_moments(sample), panel)
    assert [row["event_time"] for row in rows] == [-4, -3, -2, -1]
    for row in rows:
        parts = []
        for cohort in (2013, 2014, 2015):
            year = table[table["year"] == cohort + row["event_time"]]
            own, never = year[year["g"] == cohort], year[year["g"] == 0]
            if len(own):
                means = [np.average(side["y"], weights=side["w"]) for side in (own, never)]
                parts.append((own["w"].sum(), len(own), *means))
        mass, n, treated, control = np.array(parts).T
        assert row["n_treated"] == n.sum()
        assert row["mean_treated"] == pytest.approx(mass @ treated / mass.sum(), abs=SAME)
        assert row["mean_control"] == pytest.approx(mass @ control / mass.sum(), abs=SAME)
    own = table[(table["g"] > 0) & (table["year"] == table["g"] - 1)]
    square = own["w"] ** 2
    centre = (square * own["y"]).groupby(own["g"]).sum() / square.groupby(own["g"]).sum()
    spread = np.sqrt(np.average((own["y"] - own["g"].map(centre)) ** 2, weights=square))
    means = [
        table[side].groupby(["g", "year"]).apply(lambda x: np.average(x["y"], weights=x["w"]))
        for side in (table["g"] > 0, table["g"] == 0)
    ]
    for row in rows:
        parts = []
        for cohort in (2013, 2014, 2015):
            year, then = cohort + row["event_time"], cohort - 1
            if year >= 2011:
                apart = [means[0][cohort, y] - means[1][0, y] for y in (year, then)]
                mass = table[(table["g"] == cohort) & (table["year"] == year)]["w"].sum()
                parts.append((mass, apart[0] - apart[1]))
        mass, change = np.array(parts).T
        assert row["smd_drift"] == pytest.approx(mass @ change / mass.sum() / spread, abs=SAME)


def test_without_controls_there_is_no_path() -> None:
    table = twins.frame(60).query("g > 0")
    panel = twins.panel(table)
    assert paths_before(sample_moments(twins.sample(panel)), panel) == []
