"""Standard errors, intervals and p-values of the effects table."""

import numpy as np
import pytest
from scipy import stats

from evalkit.model.effects import COLUMNS
from evalkit.stats.inference import FEWEST_FOR_ERROR, effects_table


def table_of(dof: float, n_treated: int = 50):
    labels = {"outcome": ["y", "y"], "n_treated": [n_treated, 50]}
    return effects_table(labels, np.array([0.5, -0.1]), np.array([[0.04, 0.01], [0.01, 0.01]]), dof, 0.95)


@pytest.mark.parametrize("dof", [np.inf, 12.0])
def test_interval_and_p_value_agree(dof: float) -> None:
    table, _ = table_of(dof)
    assert tuple(table.columns) == COLUMNS
    law = stats.norm() if np.isinf(dof) else stats.t(dof)
    assert table["statistic"].tolist() == pytest.approx([2.5, -1.0])
    assert table["p_value"].tolist() == pytest.approx([2 * law.sf(2.5), 2 * law.sf(1.0)])
    assert table["conf_high"][0] == pytest.approx(0.5 + law.ppf(0.975) * 0.2)
    assert table["conf_low"][1] == pytest.approx(-0.1 - law.ppf(0.975) * 0.1)


def test_too_few_treated_firms_have_no_error() -> None:
    table, vcov = table_of(np.inf, FEWEST_FOR_ERROR - 1)
    assert table.loc[0, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]].isna().all()
    assert np.isnan(vcov[0]).all()
    assert vcov[1, 1] == 0.01
