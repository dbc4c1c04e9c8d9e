"""Many logits of membership in a cohort against its comparison firms, by Newton steps that are one pass for all."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, raise_all
from evalkit.stats.arms import Arm, Firms, Pool, by_pool
from evalkit.stats.newton import running_off
from evalkit.stats.regressors import INTERCEPT, Regressors
from evalkit.stats.scratch import Scratch, chunks

CONVERGED_BELOW = 1e-5
"""Largest Newton step of any coefficient (numbers standardised) after which no further pass is made: it is still taken,
and leaves an error of the order of its square."""
MAX_STEPS = 40
OVERSHOT = 0.9
"""A step after which the slope along it is more than this share of what it was, downwards, went too far."""
PERFECT = 1e-6
"""Firms predicted with a mean error below this are told apart without error."""
MANY_FIRMS, THIN = 500_000, 16
"""From so many firms on, Newton starts at the estimates from all treated firms and every 16th other one."""
NEAR = 0.1
"""Largest step from the thin firms' estimates that is taken ahead; Newton, which may halve it, takes a longer one."""
LARGEST_LOGIT = 700.0
"""exp() of more overflows."""

Run = Callable[[Callable[[slice], "list[Slopes]"]], "Iterator[list[Slopes]]"]
Slopes = tuple[NDArray[np.float64], NDArray[np.float64], float]
"""Gradient (p,), information (p, p), and total error of prediction."""


@dataclasses.dataclass(frozen=True, eq=False)
class Support:
    """Where a cohort and its comparison firms both occur.

    Parameters
    ----------
    columns : (r,) int
        Columns of the regressors that are identified.
    closed : tuple of (category, (n_levels,) bool) pairs
        Levels of categories without a firm of the cohort; their comparison firms have odds of 0.
    """

    columns: NDArray[np.intp]
    closed: tuple[tuple[int, NDArray[np.bool_]], ...]

    def is_open(self, x: Regressors, rows: slice) -> NDArray[np.bool_] | None:
        """Say which firms (m,) are at levels that the cohort has; None when all are."""
        outside = None
        for category, closed in self.closed:
            own = closed[x.codes[category][rows]]
            outside = own if outside is None else outside | own
        return None if outside is None else ~outside


@dataclasses.dataclass(eq=False)
class _State:
    """Where the Newton iteration of one arm stands: accepted coefficients, the step on trial and the slope along it."""

    beta: NDArray[np.float64]
    step: NDArray[np.float64]
    slope: float = np.inf
    is_done: bool = False

    @property
    def trial(self) -> NDArray[np.float64]:
        return self.beta + self.step


def fit_logits(
    firms: Firms, found: Sequence[Arm], support: Sequence[Support], run: Callable[[Firms], Run]
) -> NDArray[np.float64]:
    """Fit the propensity of each arm's cohort by weighted maximum likelihood.

    Parameters
    ----------
    firms : Firms
        All firms; p regressors.
    found : sequence of Arm
        Cohorts and their comparison firms.
    support : sequence of Support
        Of each arm.
    run : callable
        Gives, for firms, what runs a kernel over their blocks and yields its results in block order.

    Returns
    -------
    (p, arms) float64
        Coefficients, 0 for columns that are not identified.

    Raises
    ------
    DesignError, ManyErrors
        For each cohort that covariates separate from its comparison firms (`E_SEPARATION`).

    Reference
    ---------
    Sant'Anna and Zhao (2020), Journal of Econometrics 219(1), section 3.1. Separation: Albert and Anderson (1984).
    """
    start = [_start(firms, arm) for arm in found]
    if firms.x.n >= MANY_FIRMS:
        thin = firms.thinned(THIN)
        start, _ = _newton(thin, found, support, start, run(thin))
        start = _refined((firms, thin), found, support, start, run)
    beta, errors = _newton(firms, found, support, start, run(firms))
    raise_all(errors, "propensity scores")
    return np.stack(beta, axis=1)


def _start(firms: Firms, arm: Arm) -> NDArray[np.float64]:
    """Return coefficients (p,) that predict the arm's share of treated firms for all of them."""
    others = sum(float(firms.weight[firms.cohort == cohort].sum()) for cohort in arm.pool.controls)
    beta = np.zeros(len(firms.x.names))
    beta[0] = np.log(_mass(firms, arm) / others)
    return beta


def _refined(
    both: tuple[Firms, Firms], found: Sequence[Arm], support: Sequence[Support],
    start: Sequence[NDArray[np.float64]], run: Callable[[Firms], Run],
) -> list[NDArray[np.float64]]:  # fmt: skip
    """Take one step over all firms from the thin ones' estimates; those also show how the gradient bends along it.

    That leaves an error of the order of the step's cube, and of its square times how far thin firms are from all: no
    further pass than the one that confirms it is needed. An arm that is still far keeps its start.

    Reference
    ---------
    Jordan, Lee and Yang (2019), Journal of the American Statistical Association 114(526), section 2.1: a likelihood of
    few observations stands in for that of all, but for its gradient.
    """
    firms, thin = both

    def slopes(who: Firms, at: Sequence[NDArray[np.float64]]) -> list[Slopes]:
        beta = np.stack(at, axis=1)
        return total(run(who)(lambda rows: derivatives(who, found, support, beta, rows)))

    known, before = slopes(firms, start), slopes(thin, start)
    steps = [_near(_step(g, h, own.columns)) for (g, h, _), own in zip(known, support, strict=True)]
    trial = [b + s for b, s in zip(start, steps, strict=True)]
    bends = [a[0] - b[0] + b[1] @ s for a, b, s in zip(slopes(thin, trial), before, steps, strict=True)]
    more = [_step(g, known[j][1], support[j].columns) for j, g in enumerate(bends)]
    return [b + _near(s) for b, s in zip(trial, more, strict=True)]


def _near(step: NDArray[np.float64]) -> NDArray[np.float64]:
    return step if np.abs(step).max() <= NEAR else np.zeros_like(step)


def _step(
    gradient: NDArray[np.float64], information: NDArray[np.float64], columns: NDArray[np.intp]
) -> NDArray[np.float64]:  # fmt: skip
    """Return Newton's step (p,), 0 for columns that are not identified; infinite where there is none."""
    step = np.zeros_like(gradient)
    try:
        step[columns] = np.linalg.solve(information[np.ix_(columns, columns)], gradient[columns])
    except np.linalg.LinAlgError:
        step[columns] = np.inf
    return step


def _newton(
    firms: Firms, found: Sequence[Arm], support: Sequence[Support], start: Sequence[NDArray[np.float64]], run: Run
) -> tuple[list[NDArray[np.float64]], list[DesignError]]:
    """Iterate until all arms are done; an arm without an estimate keeps its start and leaves an error."""
    states = [_State(b, np.zeros_like(b)) for b in start]
    errors: dict[int, DesignError] = {}
    for _ in range(MAX_STEPS):
        active = [j for j, state in enumerate(states) if not state.is_done]
        if not active:
            break

        def kernel(rows: slice, active: list[int] = active) -> list[Slopes]:
            trial = np.stack([states[j].trial for j in active], axis=1)
            return derivatives(firms, [found[j] for j in active], [support[j] for j in active], trial, rows)

        for j, (gradient, information, miss) in zip(active, total(run(kernel)), strict=True):
            mass = _mass(firms, found[j])
            if miss <= PERFECT * mass or not _advance(states[j], gradient, information, support[j].columns):
                errors[j] = _separated(firms.x, found[j], states[j].trial)
                states[j] = _State(start[j], np.zeros_like(start[j]), is_done=True)
    for j, state in enumerate(states):
        if not state.is_done:
            errors[j] = _separated(firms.x, found[j], state.step)
    return [s.beta for s in states], [errors[j] for j in sorted(errors)]


def _advance(
    state: _State, gradient: NDArray[np.float64], information: NDArray[np.float64], columns: NDArray[np.intp]
) -> bool:
    """Accept the step on trial, or halve it; says whether the information is regular."""
    if float(gradient @ state.step) < -OVERSHOT * state.slope:
        state.step = state.step / 2
        state.slope /= 2
        return True
    state.beta = state.trial
    step = _step(gradient, information, columns)
    if not np.isfinite(step).all():
        return False
    state.step, state.slope = step, float(gradient @ step)
    if np.abs(step).max() <= CONVERGED_BELOW:
        state.beta, state.is_done = state.trial, True
    return True


def total(parts: Iterable[list[Slopes]]) -> list[Slopes]:
    """Add the derivatives of all blocks up in block order."""
    sums: list[Slopes] = []
    for part in parts:
        sums = [(a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in zip(sums, part, strict=True)] if sums else part
    return sums


def derivatives(
    firms: Firms, found: Sequence[Arm], support: Sequence[Support], beta: NDArray[np.float64], rows: slice
) -> list[Slopes]:
    """Return gradient, information and prediction error of the arms' logits over a block, at beta (p, arms)."""
    gradient, information = np.zeros_like(beta), np.zeros((len(found), len(beta), len(beta)))
    miss = np.zeros(len(found))
    for j, arm in enumerate(found):
        own = firms.treated(arm, rows)
        weight = firms.weight[own]
        missed = weight / (1.0 + odds(firms.x, own, beta[:, [j]])[0])
        gradient[:, j] = firms.x.sums(own, missed)
        miss[j] = missed.sum()
        information[j] = firms.x.gram(own, missed * (1.0 - missed / weight))
    scratch = Scratch()
    for part in chunks(rows):
        for pool, members in by_pool(found):
            drawn = draw(firms, pool, [support[j] for j in members], beta[:, members], part, scratch)
            predicted = firms.x.cross(part, drawn.scored)
            gradient[:, members] -= predicted
            miss[members] += predicted[0]
            information[members] += firms.x.grams(part, drawn.spread, scratch)
    return [(gradient[:, j], information[j], float(miss[j])) for j in range(len(found))]


class Drawn(NamedTuple):
    """The firms of a pool as its arms' propensity scores weight them, 0 outside the pool or where a cohort has no firm.

    Parameters
    ----------
    weight : (m,) float64
        w, without regard to where cohorts have firms.
    share : (arms, m) float64
        One less the score s.
    scored, spread : (arms, m) float64
        w s, and w s (1 - s).
    drawn : (arms, m) float64
        omega = w s / (1 - s).
    """

    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    scored: NDArray[np.float64]
    spread: NDArray[np.float64]
    drawn: NDArray[np.float64]


def draw(
    firms: Firms, pool: Pool, support: Sequence[Support], beta: NDArray[np.float64], part: slice, scratch: Scratch
) -> Drawn:
    """Weight a pool's firms among some firms by the logits of its arms, at beta (p, arms)."""
    shape = (beta.shape[1], part.stop - part.start)
    weight = firms.control_weight(pool, part)
    drawn = odds(firms.x, part, beta, scratch("drawn", *shape))
    share = np.add(drawn, 1.0, out=scratch("share", *shape))
    np.divide(1.0, share, out=share)
    drawn *= weight
    for j, own in enumerate(support):
        is_open = own.is_open(firms.x, part)
        if is_open is not None:
            drawn[j] *= is_open
    scored = np.multiply(drawn, share, out=scratch("scored", *shape))
    spread = np.multiply(scored, share, out=scratch("spread", *shape))
    return Drawn(weight, share, scored, spread, drawn)


def odds(
    x: Regressors, rows: slice | NDArray[np.intp], beta: NDArray[np.float64], out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:  # fmt: skip
    """Return the odds exp(x'b) (arms, m) of some firms at beta (p, arms)."""
    logit = x.linear(rows, beta, out)
    np.minimum(logit, LARGEST_LOGIT, out=logit)
    return np.asarray(np.exp(logit, out=logit))


def _mass(firms: Firms, arm: Arm) -> float:
    return float(firms.weight[firms.rows_of[arm.cohort]].sum())


def _separated(x: Regressors, arm: Arm, direction: NDArray[np.float64]) -> DesignError:
    names = running_off(x, direction) or [name for name in dict.fromkeys(x.names) if name != INTERCEPT]
    return DesignError(
        f"covariates separate it from its comparison firms, so that its propensity score has no finite estimate: "
        f"{', '.join(names)}",
        where=f"cohort {arm.cohort}",
        code="E_SEPARATION",
        hint='leave the covariate out, use coarser categories, or use adjustment = "regression"',
    )
