"""Stacked difference-in-differences: each award cohort with its own clean comparison firms."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.multipliers import drawn
from evalkit.engine.paths import baseline_means, sample_moments
from evalkit.errors import DesignError
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.cluster import Correction, Linear, Robust, clusters_among, corrected, require_clusters
from evalkit.stats.cohorts import caveats, seen_once
from evalkit.stats.inference import effects_table
from evalkit.stats.moments import Moments
from evalkit.stats.regression import chosen_correction, joint
from evalkit.stats.within import Fit, fit


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect by years since the award from a stack of small experiments, one for each award cohort.

    Each experiment has a window of years around the award, the firms of the cohort, and firms that are not supported
    until after the window. All experiments are stacked into one regression with firm and year effects of each.

    Parameters
    ----------
    before : int
        Years before the award in a window; the last of them is the reference.
    after : int
        Years after that of the award in a window. Cohorts whose window does not lie within the periods are left out.
    comparison : {"never_treated", "not_yet_treated"}
        Comparison firms: never supported, or also those supported after the window.
    weights : {"corrected", "none"}
        "corrected" gives the comparison firms of each experiment the weight of its supported firms, so that effects are
        averaged by supported firms; without weights experiments count by their precision.

    Assumes
    -------
    Within each window, the cohort would have changed as its comparison firms did without the award, and no firm reacted
    earlier than declared.

    Reference
    ---------
    Cengiz, Dube, Lindner and Zipperer (2019), Quarterly Journal of Economics 134(3), appendix D; Wing, Freedman and
    Hollingsworth (2024), Stacked difference-in-differences, NBER working paper 32054, section 4, for the weights.
    """

    before: int = 3
    after: int = 2
    comparison: Literal["never_treated", "not_yet_treated"] = "not_yet_treated"
    weights: Literal["corrected", "none"] = "corrected"

    def __post_init__(self) -> None:
        if self.before < 1 or self.after < 0:
            raise ValueError("before must be 1 or more, and after 0 or more")

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all years of the window of all outcomes with their joint covariance, from one read of the data.

        Raises
        ------
        DesignError
            No cohort has a window within the periods and clean comparison firms (`E_NO_CONTROL`).
        EstimationError
            Years of the window are not identified (`E_COLLINEAR`).
        """
        panel = sample.panel
        moments = sample_moments(sample)
        stacks = [self._stack(panel, moments, o) for o in range(len(panel.outcomes))]
        fits = [_solve(stack, moments, panel) for stack in stacks]
        chosen = chosen_correction(moments, panel.inference.correction)
        estimate = np.concatenate([f.coefficient for f in fits])
        errors = [_robust(stack, found, moments, chosen) for stack, found in zip(stacks, fits, strict=True)]
        found = joint(moments, estimate, errors, chosen)
        labels = _labels(sample, moments, stacks)
        table, vcov = effects_table(labels, estimate, found.vcov, found.dof, panel.inference.level)
        n_left_out = sum(len({int(c) for c in moments.cohort if c > 0} - set(s.cohorts)) for s in stacks[:1])
        cohorts = (f"cohorts_left_out:{n_left_out}",) if n_left_out else ()
        notes = (*cohorts, *caveats(0, labels, found.is_corrected), *seen_once(moments, panel))
        draws, told = drawn(sample, moments, found.influence, scale=found.scale)
        return Effects(
            table=table, vcov=vcov, method="stacked", options=dataclasses.asdict(self), outcomes=panel.outcomes,
            baseline=baseline_means(sample), dof=found.dof, level=panel.inference.level, draws=draws,
            notes=(*notes, *told),
            columns={o.name: f.inner.shape[2] for o, f in zip(panel.outcomes, fits, strict=True)},
        )  # fmt: skip

    def _stack(self, panel: Panel, moments: Moments, outcome: int) -> "_Stack":
        """Place each cohort's firms and comparison firms beside each other, seen in the window only."""
        n_periods, years = len(panel.periods), np.array(panel.periods)
        reach = panel.anticipation
        groups, hits, windows, events, weights, used = [], [], [], [], [], []
        for cohort in sorted({int(c) for c in moments.cohort if c > 0}):
            first, last = cohort - self.before - reach, cohort + self.after
            if first < years[0] or last > years[-1]:
                continue
            inside = (years >= first) & (years <= last)
            seen = moments.observed[:, outcome * n_periods : (outcome + 1) * n_periods] & inside
            is_own = (moments.cohort == cohort) & (seen.sum(axis=1) >= 2)
            is_clean = (moments.cohort == 0) | (
                (moments.cohort > last + reach) if self.comparison == "not_yet_treated" else False
            )
            is_clean = is_clean & (seen.sum(axis=1) >= 2)
            if not is_own.any() or not is_clean.any():
                continue
            members = np.flatnonzero(is_own | is_clean)
            share = moments.total[is_own, 0].sum() / moments.total[is_clean, 0].sum()
            even = 1.0 if self.weights == "none" else share
            groups.append(members)
            hits.append(is_own[members])
            windows.append(seen[members])
            events.append(years - cohort)
            weights.append(np.where(is_own[members], 1.0, even))
            used.append(cohort)
        if not groups:
            raise DesignError(
                "no award cohort has its window of years within the periods and clean comparison firms",
                where=panel.outcomes[outcome].name, code="E_NO_CONTROL",
                hint="make before or after smaller, or the periods longer",
            )  # fmt: skip
        number = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
        return _Stack(
            outcome, np.concatenate(groups), number, np.concatenate(hits), np.concatenate(windows), np.array(events),
            np.concatenate(weights), tuple(used), -1 - reach,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Stack:
    """Groups of all experiments of one outcome: which, in which experiment, treated, seen, with which weight."""

    outcome: int
    group: NDArray[np.intp]
    number: NDArray[np.intp]
    is_treated: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    event: NDArray[np.int64]
    weight: NDArray[np.float64]
    cohorts: tuple[int, ...]
    reference: int

    @property
    def times(self) -> list[int]:
        """Event times with an effect: those of the windows but the reference."""
        own = self.event[self.number][self.seen & self.is_treated[:, None]]
        return [int(e) for e in np.unique(own) if e != self.reference]


def _solve(stack: _Stack, moments: Moments, panel: Panel) -> Fit:
    """Fit the stacked regression on the moments of all experiments."""
    n_periods = len(panel.periods)
    columns = slice(stack.outcome * n_periods, (stack.outcome + 1) * n_periods)
    total = moments.total[stack.group][:, np.r_[0, columns.start + 1 : columns.stop + 1]] * stack.weight[:, None]
    product = moments.product[stack.group][:, np.r_[0, columns.start + 1 : columns.stop + 1]]
    product = product[:, :, np.r_[0, columns.start + 1 : columns.stop + 1]] * (stack.weight**2)[:, None, None]
    own = dataclasses.replace(
        moments, cohort=moments.cohort[stack.group], observed=stack.seen, n=moments.n[stack.group], total=total,
        product=product, centre=moments.centre[columns], cluster=None, n_second=0,
    ).without(~stack.seen)  # fmt: skip
    event = stack.event[stack.number]
    design = np.stack([(event == e) & stack.is_treated[:, None] for e in stack.times], axis=2).astype(float)
    effects = []
    for k in range(len(stack.cohorts)):
        live = np.flatnonzero(stack.seen[stack.number == k].any(axis=0))
        for t in live[1:]:
            column = np.zeros((len(stack.group), n_periods))
            column[stack.number == k, t] = 1.0
            effects.append(column)
    names = [f"event time {e}" for e in stack.times]
    return fit(own, slice(0, n_periods), design, names, np.stack(effects, axis=2))


def _robust(stack: _Stack, found: Fit, moments: Moments, correction: Correction) -> Robust:
    """Add up the influence of groups over the experiments they are in, corrected.

    Firms, or clusters above them, are independent whatever number of experiments they are in: CR2 and CR3 correct all
    that a firm has in the stack at once. Their working model has equal and independent errors of the stack's
    firm-years, not errors in proportion to its weights, which balance experiments and tell nothing of precision. That a
    comparison firm has the same errors in all its experiments is left out of the degrees of freedom: they are a little
    too few, as long as comparison firms outnumber supported ones.
    """
    n = clusters_among(moments, np.isin(np.arange(moments.n_groups), stack.group))
    require_clusters(n)
    if correction != "cr1":
        linear, period = _linear(stack, found, moments)
        error = corrected(moments, linear, correction)
        influence = np.concatenate([error.influence[:, :, :1], error.influence[:, :, 1:] @ period], axis=2)
        return Robust(influence, 1.0, error.dof)
    influence = np.zeros((moments.n_groups, *found.influence.shape[1:]))
    np.add.at(influence, stack.group, found.influence * stack.weight[:, None, None])
    k = len(found.coefficient) + found.n_periods - 1 + len(stack.cohorts)
    factor = n / (n - 1) * (found.n_rows - 1) / (found.n_rows - k)
    return Robust(influence, float(np.sqrt(factor)), np.full(len(found.coefficient), n - 1.0))


def _linear(stack: _Stack, found: Fit, moments: Moments) -> tuple[Linear, NDArray[np.float64]]:
    """Return the regression with all experiments of a group beside each other, and the period (R, T) of each row."""
    n_effects, (n_periods, p) = len(found.coefficient), found.inner.shape[1:]
    order = np.roll(np.arange(p), -n_effects)
    shape = moments.n_groups, len(stack.cohorts), n_periods
    x, weight, fitted = np.zeros((*shape, p)), np.zeros(shape), np.zeros(shape)
    place = stack.group, stack.number
    x[place], weight[place], fitted[place] = found.inner[:, :, order], stack.weight[:, None], found.fitted
    live = x.any(axis=(0, 3))
    lever = found.whole_bread[np.ix_(order, order)]
    linear = Linear.of(x[:, live], weight[:, live, None] * x[:, live] @ lever, fitted[:, live], p - n_effects)
    return linear, np.eye(n_periods)[np.nonzero(live)[1]]


def _labels(sample: MatchedSample, moments: Moments, stacks: list[_Stack]) -> dict[str, list[object]]:
    names = ("outcome", "estimand", "event_time", "n_treated", "n_clusters", "n_control")
    labels: dict[str, list[object]] = {k: [] for k in names}
    for stack in stacks:
        event = stack.event[stack.number]
        controls = np.unique(stack.group[~stack.is_treated])
        for e in stack.times:
            own = np.unique(stack.group[(stack.seen & (event == e)).any(axis=1) & stack.is_treated])
            labels["outcome"].append(sample.panel.outcomes[stack.outcome].name)
            labels["estimand"].append(sample.estimand)
            labels["event_time"].append(e)
            labels["n_treated"].append(int(moments.n[own].sum()))
            labels["n_clusters"].append(clusters_among(moments, np.isin(np.arange(moments.n_groups), own)))
            labels["n_control"].append(int(moments.n[controls].sum()))
    return labels
