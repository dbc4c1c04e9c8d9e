import numpy as np
import pytest

from evalkit.errors import DesignError
from evalkit.stats.weights import effective_number, require_effective


def test_effective_number_by_hand() -> None:
    assert effective_number(np.full(7, 0.3)) == pytest.approx(7)
    assert effective_number(np.array([2.0, 1.0, 1.0, 0.0])) == pytest.approx(16 / 6)
    assert effective_number(np.zeros(3)) == 0


def test_few_effective_controls_are_refused() -> None:
    require_effective(np.ones(10))
    with pytest.raises(DesignError) as caught:
        require_effective(np.append(np.ones(500), 1e4))
    assert caught.value.code == "E_TOO_FEW_CONTROLS"
    assert "501 weighted controls count as only 1.1" in caught.value.problem
