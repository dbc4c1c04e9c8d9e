import numpy as np
import pytest

import evalkit as ek
import panel_matching as slow
import twins

EXACT = 1e-12


def by_hand(sample: ek.MatchedSample) -> dict[int, float]:
    """Share, by event time, of the used weight that belongs to firms treated by then."""
    cohort, used, treated = sample.panel.cohort, {}, {}
    for row in sample.sets.to_pylist():
        award, own = cohort[row["treated"]], cohort[row["control"]]
        for year in range(award, min(row["until"], 2018) + 1):
            used[year - award] = used.get(year - award, 0.0) + row["weight"]
            is_hit = 0 < own <= year
            treated[year - award] = treated.get(year - award, 0.0) + is_hit * row["weight"]
    return {e: treated[e] / total for e, total in used.items()}


def test_MAT16_controls_that_stay_contaminate_and_censored_ones_do_not() -> None:
    panel = slow.panel(slow.frame())
    found = {}
    for future in ("drop", "censor", "intention_to_treat"):
        sample = ek.match(panel, "panel_path", future=future, ratio=2)
        found[future] = ek.check(sample, (), "contamination")
        shares = by_hand(sample)
        for row in found[future].rows:
            assert row["share_contaminated"] == pytest.approx(shares[row["event_time"]], abs=EXACT)
    assert [found[f].verdict for f in found] == ["pass", "pass", "fail"]
    assert found["drop"].statistic == found["censor"].statistic == 0
    assert any(row["share_used"] < 1 for row in found["censor"].rows)
    assert found["intention_to_treat"].statistic == max(
        r["share_contaminated"] for r in found["intention_to_treat"].rows
    )


def test_a_limit_decides() -> None:
    sample = ek.match(slow.panel(slow.frame()), "panel_path", future="intention_to_treat", ratio=2)
    assert ek.check(sample, (), "contamination", fail_above=0.9).verdict == "warn"


def test_never_treated_controls_pass() -> None:
    found = ek.check(twins.sample(twins.panel(twins.frame())), (), "contamination")
    assert (found.verdict, found.statistic) == ("pass", 0.0)


def test_balance_counts_controls_with_a_later_award() -> None:
    panel = slow.panel(slow.frame())
    sample = ek.match(panel, "panel_path", future="censor", ratio=2)
    size = panel.to_frame()["size"].to_numpy()
    row = next(r for r in ek.check(sample, (), "balance").rows if r["covariate"] == "size")
    sets = sample.sets.to_pandas()
    assert (panel.cohort[sets["control"]] > 0).any()
    assert row["mean_control_after"] == pytest.approx(
        np.average(size[sets["control"]], weights=sets["weight"]), abs=EXACT
    )
    assert row["mean_treated"] == pytest.approx(size[sample.weight.astype(bool) & (panel.cohort > 0)].mean(), abs=EXACT)
