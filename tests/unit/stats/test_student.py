"""Quantiles and tails of t and the normal law."""

import subprocess
import sys

import numpy as np
import pytest

from evalkit.stats.student import quantile, tail

SAME = 1e-13
"""Both ways end in the same functions; the order of operations may move the last digits."""
DOF = [np.inf, 1.0, 2.5, 40.0, np.array([np.inf, 3.0, 1e6])]


@pytest.mark.parametrize("dof", DOF, ids=str)
def test_equals_scipy_stats(dof):
    from scipy import stats

    law = stats.t(dof)
    for share in (1e-9, 0.025, 0.5, 0.8, 0.975):
        np.testing.assert_allclose(quantile(share, dof), law.ppf(share), rtol=SAME, atol=SAME)
    for x in (-3.0, 0.0, 1.96, 12.0):
        np.testing.assert_allclose(tail(x, dof), law.sf(x), rtol=SAME)


def test_what_is_not_a_number_stays_so():
    assert np.isnan(tail(np.array([np.nan, 1.0]))).tolist() == [True, False]
    assert np.isnan(quantile(0.975, np.array([np.nan, 4.0]))).tolist() == [True, False]


def test_import_no_law_of_scipy_stats():
    asked = "import sys; from evalkit.stats.student import quantile, tail; quantile(0.9, 5.0), tail(1.0); "
    asked += "sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
