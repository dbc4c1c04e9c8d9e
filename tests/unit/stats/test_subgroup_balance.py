import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import firms
from evalkit.stats.balance import Groups
from evalkit.stats.candidates import candidates
from evalkit.stats.covariates import read_covariates
from evalkit.stats.subgroup_balance import Part, cohort_balance, subclass_balance

ROUNDING = 1e-10
METHODS = [
    ("none", {}), ("exact", {"on": ("industry",)}), ("nearest", {"ratio": 2, "replace": True}),
    ("ipw", {"estimand": "ate"}), ("entropy", {"exact": ("region",), "covariates": ("size", "growth")}),
]  # fmt: skip


def table() -> pd.DataFrame:
    """Firms of two cohorts; the second one larger, and of other industries."""
    frame = firms.frame(900, seed=6)
    late = (frame["size"] > 3.2) & (frame["g"] > 0) & (np.arange(900) % 4 > 0)
    frame.loc[late, "g"] = 2014
    frame.loc[::31, "growth"] = np.nan
    return frame


def groups(sample: ek.MatchedSample) -> Groups:
    firm = candidates(sample.panel)
    return Groups(firm.treated, firm.control, sample.weight)


def worst(frame: pd.DataFrame, treated: pd.Series, control: pd.Series) -> float:
    """Largest absolute difference of weighted means over the standard deviation of all treated firms."""
    sizes = []
    for name in firms.COVARIATES:
        values = frame[name]
        terms = [values] if values.dtype == float else [(values == v).astype(float) for v in values.unique()]
        for x in terms:
            everyone = x[(frame["g"] > 0) & x.notna()]
            is_share = set(everyone.unique()) <= {0.0, 1.0}
            sd = np.sqrt(everyone.mean() * (1 - everyone.mean())) if is_share else everyone.std()
            means = [(x * w)[x.notna()].sum() / w[x.notna()].sum() for w in (treated, control)]
            sizes.append(abs(means[0] - means[1]) / sd)
    return float(np.nanmax(sizes))


def controls_of(sample: ek.MatchedSample, frame: pd.DataFrame, cohort: int) -> pd.Series:
    """Weight of each control for one cohort, by a loop over pairs or cells."""
    weight = pd.Series(0.0, index=frame.index)
    if sample.pairs.num_rows:
        pairs = sample.pairs.to_pandas()
        k = pairs.groupby("treated")["control"].transform("size")
        for t, c, n in zip(pairs["treated"], pairs["control"], k, strict=True):
            weight[c] += (frame["g"][t] == cohort) / n
        return weight
    own = pd.Series(sample.weight, index=frame.index).where(frame["g"] == 0, 0.0)
    if (sample.subclass < 0).all():
        return own
    for cell in set(sample.subclass) - {-1}:
        here = (sample.subclass == cell) & (sample.weight > 0)
        n_own, n_all = (here & (frame["g"] == cohort)).sum(), (here & (frame["g"] > 0)).sum()
        weight[here] = own[here] * n_own / n_all
    return weight


@pytest.mark.parametrize(("method", "options"), METHODS)
def test_cohorts_equal_a_loop(method: str, options: dict) -> None:
    sample = ek.match(firms.panel(table()), method, **options)
    frame = sample.panel.to_frame().assign(g=sample.panel.cohort)
    parts = cohort_balance(sample, read_covariates(sample.panel, firms.COVARIATES), groups(sample))
    assert [part.part for part in parts] == [2013, 2014]
    for part in parts:
        treated = pd.Series(np.where(frame["g"] == part.part, sample.weight, 0.0))
        control = controls_of(sample, frame, part.part)
        assert (part.n_treated, part.n_control) == ((treated > 0).sum(), (control > 0).sum())
        assert part.effective_controls == pytest.approx(control.sum() ** 2 / (control**2).sum())
        assert part.max_smd == pytest.approx(worst(frame, treated, control), abs=ROUNDING)


def test_subclasses_equal_a_loop() -> None:
    sample = ek.match(firms.panel(table()), "exact", on=("industry", "region"))
    frame = sample.panel.to_frame().assign(g=sample.panel.cohort)
    parts = subclass_balance(sample, read_covariates(sample.panel, firms.COVARIATES), groups(sample))
    assert len(parts) == 12
    for part in parts:
        own = pd.Series(np.where(sample.subclass == part.part, sample.weight, 0.0))
        treated, control = own.where(frame["g"] > 0, 0.0), own.where(frame["g"] == 0, 0.0)
        assert part.max_smd == pytest.approx(worst(frame, treated, control), abs=ROUNDING)
        assert part.covariate in ("size", "growth", "debt")
        assert part.effective_controls == pytest.approx((control > 0).sum())


def test_a_part_without_a_known_value_has_no_difference() -> None:
    frame = firms.frame(60).assign(x=lambda t: np.where(t["g"] > 0, np.nan, 1.0))
    sample = ek.match(firms.panel(frame, ("x",)))
    (part,) = cohort_balance(sample, read_covariates(sample.panel, ("x",)), groups(sample))
    assert isinstance(part, Part)
    assert np.isnan(part.max_smd)
    assert part.covariate == ""
