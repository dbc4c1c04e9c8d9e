import itertools

import numpy as np
import pytest

import evalkit as ek
import firms
from evalkit.stats.balance import Groups, number_balance
from evalkit.stats.candidates import candidates
from evalkit.stats.covariates import Covariate, read_covariates
from evalkit.stats.interactions import interactions

ROUNDING = 1e-10


@pytest.mark.parametrize("is_raw", [False, True])
def test_equals_the_balance_of_every_product_column(is_raw: bool) -> None:
    table = firms.frame(400)
    table.loc[::13, "size"] = np.nan
    table.loc[::17, "industry"] = None
    sample = ek.match(firms.panel(table), "ipw", covariates=("growth", "debt", "region"))
    panel = sample.panel
    firm = candidates(panel)
    groups = Groups(firm.treated, firm.control, sample.weight, is_raw)
    frame, names = panel.to_frame(), firms.COVARIATES

    def columns(name: str) -> dict[str, np.ndarray]:
        values = frame[name]
        if values.dtype == float:
            return {"": values.to_numpy()}
        return {v: np.where(values.isna(), np.nan, values == v) for v in sorted(values.dropna().unique())}

    found = list(interactions(read_covariates(panel, names), groups))
    assert len(found) == 10
    for one, (a, b) in zip(found, itertools.combinations(names, 2), strict=True):
        assert one.covariate == f"{a} x {b}"
        terms = {}
        for (i, x), (j, y) in itertools.product(columns(a).items(), columns(b).items()):
            terms[" & ".join(v for v in (i, j) if v)] = number_balance(x * y, groups)
        wanted = max(abs(term.smd_after) for term in terms.values())
        assert abs(one.smd_after) == pytest.approx(wanted, abs=ROUNDING)
        assert one.smd_after == pytest.approx(terms[one.level].smd_after, abs=ROUNDING)
        assert one.smd_before == pytest.approx(terms[one.level].smd_before, abs=ROUNDING)


def test_equal_margins_with_unlike_products_are_found() -> None:
    """Treated firms have a = b, controls a = -b: every mean and variance is equal, and the product opposite."""
    a = np.tile([-1.0, 1.0], 20)
    treated = np.arange(40) < 20
    b = np.where(treated, a, -a)
    (one,) = interactions([Covariate("a", a), Covariate("b", b)], Groups(treated, ~treated, np.ones(40)))
    assert one.smd_after == np.inf
    assert (one.covariate, one.level) == ("a x b", "")
