"""Digits of sums of squares within and between groups on the analysis-of-variance sets of NIST, which scipy ships.

Responses are read as whole numbers of their last digit, as amounts are read as whole yen: as doubles, responses such as
1000000000000.4 would have lost all but four digits before anything is computed.
"""

from decimal import Decimal
from importlib import resources

import numpy as np
import pytest

from evalkit.stats.moments import Quantum, block_moments, combine

BAR = 14.0
MOST_DIGITS = 15.0
SETS = ("AtmWtAg", "SiRstv", *(f"SmLs0{i}" for i in range(1, 10)))


def read(name: str) -> tuple[np.ndarray, list[Decimal], tuple[Decimal, Decimal]]:
    """Return groups, responses, and the certified sums of squares between and within."""
    path = resources.files("scipy.stats") / "tests" / "data" / "nist_anova" / f"{name}.dat"
    lines = path.read_text(encoding="ascii").splitlines()
    certified = {
        words[0]: Decimal(words[3]) for line in lines if (words := line.split()) and words[0] in ("Between", "Within")
    }
    start = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    rows = [line.split() for line in lines[start:] if line.strip()]
    return (
        np.array([int(g) for g, _ in rows]),
        [Decimal(y) for _, y in rows],
        (certified["Between"], certified["Within"]),
    )


def digits(found: float, certified: Decimal) -> float:
    error = abs(Decimal(found) / certified - 1)
    return MOST_DIGITS if error == 0 else min(MOST_DIGITS, -float(error.log10()))


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("n_blocks", [1, 7])
def test_digits_of_sums_of_squares(name: str, n_blocks: int) -> None:
    group, responses, certified = read(name)
    places = max(-int(y.as_tuple().exponent) for y in responses)
    y = np.array([float(int(v.scaleb(places))) for v in responses])[:, None]
    quantum = Quantum.covering(y.min(axis=0), y.max(axis=0), 1.0)
    parts = zip(np.array_split(y, n_blocks), np.array_split(group.astype(np.int32), n_blocks), strict=True)
    moments = combine([block_moments(np.ones(len(own)), own, g, quantum) for own, g in parts], quantum)
    n, total, square = moments.n, moments.total[:, 1], moments.product[:, 1, 1]
    unit = float(Decimal(1).scaleb(2 * places))
    between = (total**2 / n).sum() - total.sum() ** 2 / n.sum()
    within = (square - total**2 / n).sum()
    assert digits(between / unit, certified[0]) >= BAR
    assert digits(within / unit, certified[1]) >= BAR
