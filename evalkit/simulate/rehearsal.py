"""Rehearse a study: run it many times on made-up outcomes of its own firms, without and with an effect."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.some_firms import of_firms
from evalkit.errors import EvalkitError, ManyErrors, StudyError, each
from evalkit.model.effects import Effects
from evalkit.model.evaluation import distinct_names
from evalkit.model.panel import Panel
from evalkit.model.rehearsal import Failure, Rehearsal, Rehearsed
from evalkit.model.sample import MatchedSample
from evalkit.model.study import MethodSpec, Study
from evalkit.simulate.stand_ins import NO_EFFECT, Paths, StandIns, Supposed, suppose
from evalkit.simulate.truths import is_planted_effect, overall_truth
from evalkit.stats.aggregate import aggregate
from evalkit.stats.replications import CHANCE, Replications, is_verified, misses
from evalkit.stats.threads import one_thread

POWER = 0.8
ARMS = ("null", "planted", "detectable")
GROWING = (1.0, 2.0, 3.0, 4.0)
"""Shape of an effect that is not declared: it grows, since estimators that go wrong do so where effects grow."""
PLANTED = 1.5
"""Size of such an effect, in smallest effects that should be found."""
ROOM = 0.9
"""Most of the room between a share of ones and 0 or 1 that an effect takes."""
FEWEST_FIRMS = 10
"""Fewer firms on a side give no mean that can be told, as for the grade."""


@dataclasses.dataclass(frozen=True)
class Stages:
    """The stages of the study, handed in because they stand on other floors.

    Parameters
    ----------
    match : callable
        From a panel to the sample.
    estimate : callable
        One [[estimate]] on a sample.
    publish : callable
        Everything from a sample to the text of the report; returns the checks' verdicts, and whether disclosure
        control hides the main effect.
    """

    match: Callable[[Panel], MatchedSample]
    estimate: Callable[[MethodSpec, MatchedSample], Effects]
    publish: Callable[[MatchedSample], tuple[dict[str, str], bool]]


def rehearse(study: Study, panel: Panel, stages: Stages) -> Rehearsal:
    """Rehearse a study on the firms of its sealed panel.

    Parameters
    ----------
    study : Study
        The question.
    panel : Panel
        Firms, cohorts, covariates; of outcomes only years before the first award are looked at.
    stages : Stages
        How the study matches, estimates, and publishes.

    Raises
    ------
    StudyError
        `E_SUPPOSE`; or no estimate estimates what is planted (`E_REHEARSAL`).
    EvalkitError
        The firms cannot be matched.
    """
    names = distinct_names([spec.method for spec in study.estimate])
    specs = {n: s for n, s in zip(names, study.estimate, strict=True) if is_planted_effect(s)}
    if not specs:
        problem = "no estimate of the study estimates the mean change of supported firms, so none can be rehearsed"
        raise StudyError(problem, where="estimate", code="E_REHEARSAL", hint="add group_time, for example")
    laws = suppose(panel, study.rehearsal, np.ones(panel.n_firms, bool))
    sample = stages.match(StandIns(panel, laws, study.seed).made(0, 0, {}))
    laws = suppose(panel, study.rehearsal, sample.weight > 0)
    cast = Cast(stages, specs, StandIns(panel, laws, study.seed), sample, study.rehearsal.replications)
    level = panel.inference.level
    null = cast.arm("null", {})
    smallest = {o: run.detectable(POWER) for (e, o), run in null.runs.items() if e == cast.lead and run.sd > 0}
    paths, no_room = planted_paths(study, null, laws, smallest)
    planted = cast.arm("planted", paths)
    means = {o: null.mean_of(o, p) for o, p in paths.items() if o in set(smallest) - no_room}
    edge = {o: paths[o] * (smallest[o] / abs(mean)) for o, mean in means.items() if mean}
    detectable = cast.arm("detectable", edge)
    arms, primary = (null, planted, detectable), study.primary.name
    published = {arm.name: cast.published(arm) for arm in (null, planted)}
    failures = [
        *few_firms(sample), *(Failure("no_room", outcome=o) for o in sorted(no_room)),
        *(f for arm in arms for f in (*arm.refusals, *judged(arm, level))),
        *too_weak(study, cast.lead, planted), *unverified(cast.lead, null, detectable),
        *(f for _, found in published.values() for f in found),
    ]  # fmt: skip
    return Rehearsal(
        study.id, primary, cast.lead, smallest.get(primary, math.nan), POWER, cast.n, level,
        tuple(row for arm in arms for row in rows(arm)),
        {o: {**dataclasses.asdict(law.noise), "source": law.source, "effect": list(paths.get(o, ()))}
         for o, law in laws.items()},
        {name: verdicts for name, (verdicts, _) in published.items()}, tuple(failures),
        tuple(n for n in names if n not in specs),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Arm:
    """All replications with one effect.

    Parameters
    ----------
    name : {"null", "planted", "detectable"}
        Which arm.
    paths : dict of outcome to path
        The effect; outcomes without one have none.
    runs : dict
        Replications by estimate and outcome.
    refusals : tuple of Failure
        Estimates that were refused, or had no standard error.
    first : (Effects, MatchedSample) or None
        The lead estimate of the first replication in which it was not refused.
    """

    name: str
    paths: Paths
    runs: Mapping[tuple[str, str], Replications]
    refusals: tuple[Failure, ...]
    first: tuple[Effects, MatchedSample] | None

    def mean_of(self, outcome: str, path: NDArray[np.float64]) -> float:
        """Return the mean effect that the lead estimate has where a path is planted; 0 where it tells nothing."""
        if self.first is None:
            return 0.0
        effects, sample = self.first
        names = list(dict.fromkeys(effects.table["outcome"]))
        return float(overall_truth(effects, sample, dict.fromkeys(names, path))[names.index(outcome)])


@dataclasses.dataclass(frozen=True, eq=False)
class Cast:
    """A study with all that its replications need."""

    stages: Stages
    specs: dict[str, MethodSpec]
    stand_ins: StandIns
    sample: MatchedSample
    n: int

    @property
    def lead(self) -> str:
        """The first estimate, which the verdict is about."""
        return next(iter(self.specs))

    def arm(self, name: str, paths: Paths) -> Arm:
        """Estimate all replications of an arm."""
        found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
        refused: dict[tuple[str, str], None] = {}
        first = None
        for replication in range(self.n):
            sample = self._sample(name, replication, paths)
            for estimate, spec in self.specs.items():
                try:
                    with one_thread():
                        effects = self.stages.estimate(spec, sample)
                        overall = list(planted_and_found(effects, sample, paths))
                except (EvalkitError, ManyErrors) as error:
                    refused.setdefault((estimate, each(error)[0].code))
                    continue
                for outcome, told in overall:
                    found.setdefault((estimate, outcome), []).append(told)
                if first is None and estimate == self.lead:
                    first = effects, sample
        runs = {key: Replications(*np.array(told).T) for key, told in found.items() if len(told) > 1}
        refusals = [Failure("refused", e, arm=name, value=code) for e, code in refused]
        refusals += [Failure("no_error", e, o, name) for (e, o), run in runs.items() if np.isnan(run.reach).any()]
        whole = {key: run for key, run in runs.items() if not np.isnan(run.reach).any()}
        return Arm(name, paths, whole, tuple(refusals), first)

    def published(self, arm: Arm) -> tuple[dict[str, str], list[Failure]]:
        """Take the first replication of an arm through checks, disclosure control and report."""
        try:
            with one_thread():
                verdicts, is_hidden = self.stages.publish(self._sample(arm.name, 0, arm.paths, is_whole=True))
        except (EvalkitError, ManyErrors) as error:
            return {}, [Failure("not_published", arm=arm.name, value=each(error)[0].code)]
        return verdicts, [Failure("hidden", arm=arm.name)] if is_hidden else []

    def _sample(self, name: str, replication: int, paths: Paths, is_whole: bool = False) -> MatchedSample:
        """Put made-up outcomes into the sample; firms whose past outcomes choose their controls are matched again.

        Firms without a weight are there only where the whole study is played.
        """
        draw = ARMS.index(name), replication, paths
        if self.sample.sets is not None:
            return self.stages.match(self.stand_ins.made(*draw))
        stand_ins, sample = (self.stand_ins, self.sample) if is_whole else self._compared
        return dataclasses.replace(sample, panel=stand_ins.made(*draw))

    @cached_property
    def _compared(self) -> tuple[StandIns, MatchedSample]:
        """The firms with a weight alone: estimates do not look at others."""
        own = dataclasses.replace(self.sample, panel=self.stand_ins.panel)
        few = of_firms(own, np.flatnonzero(self.sample.weight > 0))
        return dataclasses.replace(self.stand_ins, panel=few.panel), few


def planted_and_found(effects: Effects, sample: MatchedSample, paths: Paths) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield for each outcome what was planted, the estimate, its standard error, and half its interval."""
    table = aggregate(effects, "overall").table
    every = {name: paths.get(name, NO_EFFECT) for name in dict.fromkeys(effects.table["outcome"])}
    truth = overall_truth(effects, sample, every)
    reach = (table["conf_high"] - table["conf_low"]) / 2
    columns = (table["outcome"], truth, table["estimate"], table["std_error"], reach)
    for outcome, *told in zip(*columns, strict=True):
        yield outcome, tuple(told)


def planted_paths(
    study: Study, null: Arm, laws: Mapping[str, Supposed], smallest: Mapping[str, float]
) -> tuple[dict[str, NDArray[np.float64]], set[str]]:
    """Return the effect on each outcome, declared or growing, and the outcomes that have no room for what is sought."""
    paths, no_room = {}, set()
    for outcome in study.outcome:
        name, declared = outcome.name, study.rehearsal.of(outcome.name).path
        if not declared and name not in smallest:
            continue
        shape = np.array(declared or GROWING)
        mean = null.mean_of(name, shape)
        path = shape if declared or not mean else shape * (PLANTED * smallest[name] / mean)
        if outcome.transform == "binary":
            room = _room(laws[name], len(study.period.labels), float(path[np.abs(path).argmax()]))
            sought = np.abs(shape).max() * smallest.get(name, 0.0) / abs(mean) if mean else 0.0
            no_room |= {name} if sought > room else set()
            path = path * min(1.0, room / float(np.abs(path).max()))
        paths[name] = path
    return paths, no_room


def _room(law: Supposed, n_periods: int, towards: float) -> float:
    """Return how far a share of ones can go up or down in all periods."""
    ends = [law.noise.mean, law.noise.mean + law.noise.growth * (n_periods - 1)]
    return ROOM * (1 - max(ends) if towards > 0 else min(ends))


def rows(arm: Arm) -> Iterator[Rehearsed]:
    """Yield what the replications of an arm tell, by estimate and outcome."""
    for (estimate, outcome), run in arm.runs.items():
        if run.sd > 0 and (arm.name == "null" or outcome in arm.paths):
            yield Rehearsed(
                arm.name, estimate, outcome, float(run.truth.mean()), float(run.estimate.mean()), run.sd, run.bias,
                run.ratio, run.coverage, run.found,
            )  # fmt: skip


def judged(arm: Arm, level: float) -> Iterator[Failure]:
    """Yield where bias, coverage or size are wrong beyond chance."""
    for (estimate, outcome), run in arm.runs.items():
        if run.sd == 0:
            yield Failure("no_variance", estimate, outcome, arm.name)
            continue
        told = {"bias": run.bias, "coverage": run.coverage, "size": run.found}
        for key in misses(run, level, arm.name == "null"):
            yield Failure(key, estimate, outcome, arm.name, told[key])


def few_firms(sample: MatchedSample) -> list[Failure]:
    """Return whether a side has too few firms; how many is not told."""
    sides = {"treated": sample.n_treated, "control": sample.n_control}
    return [Failure("few_firms", value=side) for side, n in sides.items() if n < FEWEST_FIRMS]


def too_weak(study: Study, lead: str, planted: Arm) -> list[Failure]:
    """Return the outcomes whose declared effect the lead estimate finds too seldom, beyond chance."""
    found = []
    for (estimate, outcome), run in planted.runs.items():
        is_declared = estimate == lead and study.rehearsal.of(outcome).path
        if is_declared and run.found < POWER - CHANCE * math.sqrt(POWER * (1 - POWER) / run.n):
            found.append(Failure("weak", estimate, outcome, "planted", run.found))
    return found


def unverified(lead: str, null: Arm, detectable: Arm) -> list[Failure]:
    """Return the outcomes whose smallest effect is not found as often as was told, beyond chance."""
    return [
        Failure("unverified", estimate, outcome, "detectable", run.found)
        for (estimate, outcome), run in detectable.runs.items()
        if estimate == lead and outcome in detectable.paths
        and not is_verified(run, null.runs[estimate, outcome], POWER)
    ]  # fmt: skip
