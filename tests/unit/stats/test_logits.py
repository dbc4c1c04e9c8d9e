"""The start of the logits from few firms."""

from collections.abc import Callable, Iterator

import numpy as np

from evalkit.stats import logits
from evalkit.stats.arms import Arm, Firms, Pool
from evalkit.stats.logits import Slopes, Support
from evalkit.stats.regressors import Regressors

COLUMNS = np.arange(3)
ARM = Arm(Pool((0,), (), COLUMNS[:0]), 2020, COLUMNS[:0], COLUMNS[:0], COLUMNS[:0])
SUPPORT = Support(COLUMNS, ())


def firms(n: int) -> Firms:
    rng = np.random.default_rng(5)
    x = np.vstack([np.ones(n), rng.standard_normal((2, n))])
    treated = rng.random(n) < 1 / (1 + np.exp(-np.array([-2.0, 0.6, -0.5]) @ x))
    who = Regressors(x, (), (), ("intercept", "a", "b"))
    return Firms(who, np.ones(n), np.where(treated, 2020, 0).astype(np.int32), None)


def run(who: Firms) -> Callable[[Callable[[slice], list[Slopes]]], Iterator[list[Slopes]]]:
    return lambda kernel: iter([kernel(slice(0, who.x.n))])


def estimate(who: Firms, start: np.ndarray) -> np.ndarray:
    (beta,), errors = logits._newton(who, [ARM], [SUPPORT], [start], run(who))
    assert not errors
    return beta


def test_the_start_is_far_nearer_than_newton_brings_it() -> None:
    whole = firms(20_000)
    thin = whole.thinned(16)
    start = estimate(thin, np.array([-1.5, 0.0, 0.0]))
    best = estimate(whole, start)
    (refined,) = logits._refined((whole, thin), [ARM], [SUPPORT], [start], run)
    ((gradient, information, _),) = logits.derivatives(whole, [ARM], [SUPPORT], start[:, None], slice(0, whole.x.n))
    newton = start + np.linalg.solve(information, gradient)
    assert np.abs(start - best).max() > 1e-3
    assert np.abs(refined - best).max() < 0.1 * np.abs(newton - best).max()


def test_a_start_that_is_far_is_left_to_newton() -> None:
    whole = firms(2000)
    start = np.array([2.0, 0.0, 0.0])
    (refined,) = logits._refined((whole, whole.thinned(4)), [ARM], [SUPPORT], [start], run)
    assert refined.tolist() == start.tolist()
