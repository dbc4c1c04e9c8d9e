"""The firms of a panel with made-up outcomes in place of their own: nothing of the latter is left."""

import dataclasses
import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.local import map_rows
from evalkit.errors import EvalkitError, StudyError, raise_all
from evalkit.model.panel import Panel
from evalkit.model.study import Outcome
from evalkit.model.study_rehearsal import Rehearsing
from evalkit.stats.noise import Noise, levels, made_paths, seen_noise, uniform
from evalkit.stats.stable_hash import hash_codes, stable_hash
from evalkit.stats.transforms import transform

RATES = {"sd_firms": 1.0, "sd_shocks": 0.15, "autocorrelation": 0.5, "missing": 0.0, "growth": 0.0}
DEFAULTS: dict[str, dict[str, float]] = {
    "log": {**RATES, "mean": 5.0}, "asinh": {**RATES, "mean": 5.0}, "growth": {**RATES, "mean": 0.0, "sd_firms": 0.0},
    "binary": {**RATES, "mean": 0.5, "sd_shocks": 1.0}, "share": {**RATES, "mean": 0.5, "sd_firms": 0.2,
    "sd_shocks": 0.05}, "level": {"autocorrelation": 0.5, "missing": 0.0, "growth": 0.0, "mean": 0.0},
}  # fmt: skip
"""What is supposed where neither the study nor the years before tell; amounts have no size of their own to suppose."""
RAREST = 0.02
"""A share of ones nearer to 0 or 1 than this leaves hardly any room for an effect; a default stands for it."""
FEWEST_SEEN = 10
"""Firms whose years before the award tell a law; that of fewer would tell of them. It is told to three digits."""
MOST_OUTCOMES = 1_009
NO_EFFECT = np.zeros(1)
Paths = Mapping[str, NDArray[np.float64]]
"""Effect by years since the award, by outcome; the last one stays."""


@dataclasses.dataclass(frozen=True)
class Supposed:
    """The law of one outcome, and where each of its numbers is from: "declared", "seen" or "default"."""

    noise: Noise
    source: dict[str, str]


def suppose(panel: Panel, given: Rehearsing, is_counted: NDArray[np.bool_]) -> dict[str, Supposed]:
    """Find the law of each outcome: declared, else seen in the years before the first award, else a default.

    Parameters
    ----------
    panel : Panel
        Outcomes in later years are not read.
    given : Rehearsing
        What the study declares.
    is_counted : (n_firms,) bool
        Firms whose years before are looked at, but for those whose own award came earlier.

    Raises
    ------
    StudyError, ManyErrors
        `E_SUPPOSE`: how much an amount varies is neither declared nor seen.
    """
    treated = panel.cohort[panel.cohort > panel.periods[0]]
    first = int(treated.min(initial=panel.periods[-1] + 1)) - panel.anticipation
    before = tuple(p for p in panel.periods if p < first)
    is_untouched = is_counted & ((panel.cohort == 0) | (panel.cohort >= first))
    laws, errors = dict[str, Supposed](), list[EvalkitError]()
    for outcome in panel.outcomes:
        own = given.of(outcome.name).model_dump(exclude={"name", "effect"}, exclude_none=True)
        seen = {} if len(own) == len(dataclasses.fields(Noise)) else _seen(panel, outcome, before, is_untouched)
        try:
            laws[outcome.name] = _law(outcome, seen, own)
        except StudyError as error:
            errors.append(error)
    raise_all(errors, "what is supposed of outcomes")
    return laws


def _law(outcome: Outcome, seen: dict[str, float], own: dict[str, float]) -> Supposed:
    chosen: dict[str, float] = {**DEFAULTS[outcome.transform], **seen, **own}
    missing = {f.name for f in dataclasses.fields(Noise)} - set(chosen)
    if missing or chosen["sd_shocks"] == 0:
        problem = f"how much '{outcome.name}' varies is neither declared nor seen in three years before the award"
        hint = f"declare {', '.join(sorted(missing or {'sd_shocks'}))} in a [[rehearsal.outcome]]"
        raise StudyError(problem, where="rehearsal.outcome", code="E_SUPPOSE", hint=hint)
    source = {k: "declared" if k in own else "seen" if k in seen else "default" for k in chosen}
    return Supposed(Noise(**chosen), source)


def _seen(
    panel: Panel, outcome: Outcome, before: tuple[int, ...], is_counted: NDArray[np.bool_]
) -> dict[str, float]:  # fmt: skip
    """Read the law of an outcome off the periods before; what a made-up outcome cannot have is left out."""
    if not before:
        return {}
    alone = dataclasses.replace(panel, periods=before)
    table = panel.read(alone.columns_of(outcome))
    wide = np.stack([column.to_numpy().astype(np.float64) for column in table.columns], axis=1)
    y = transform(wide[is_counted], outcome.transform)
    if (~np.isnan(y)).any(axis=1).sum() < FEWEST_SEEN:
        return {}
    found = {name: float(f"{value:.3g}") for name, value in seen_noise(y).items()}
    if outcome.transform == "binary":
        mean = found.get("mean", 0.0)
        return {k: v for k, v in found.items() if k == "missing" or (k == "mean" and RAREST < mean < 1 - RAREST)}
    if outcome.transform == "growth" and "missing" in found:
        found["missing"] = 1 - math.sqrt(1 - found["missing"])
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class StandIns:
    """Makes panels with made-up outcomes.

    Parameters
    ----------
    panel : Panel
        The firms; of their own outcomes no later year is read, and none is left.
    laws : dict of outcome name to Supposed
        How outcomes vary.
    seed : int
        Key of all random numbers, with the arm, the replication, the outcome and the firm's id.
    """

    panel: Panel
    laws: Mapping[str, Supposed]
    seed: int

    def made(self, arm: int, replication: int, paths: Paths) -> Panel:
        """Return the panel of one replication: other numbers for each arm and replication.

        Each outcome has a column of its own, also where two outcomes are of one column of the study. A firm-year that
        lacks one outcome lacks all that are as often missing. Nothing is drawn again for simultaneous bands, which
        replications do not use.

        Parameters
        ----------
        arm, replication : int
            Which numbers are drawn.
        paths : dict of outcome name to path
            The effect on each outcome; none on others.
        """
        import pyarrow as pa

        panel = self.panel
        outcomes = tuple(o.model_copy(update={"column": o.name}) for o in panel.outcomes)
        draw = arm * 100_003 + replication
        blocks = list(map_rows(panel.n_firms, lambda rows: self._drawn(rows, outcomes, paths, draw)))
        columns: dict[str, Any] = dict(zip(self._kept.column_names, self._kept.columns, strict=True))
        for number, o in enumerate(outcomes):
            values = np.concatenate([block[number] for block in blocks])
            for j, period in enumerate(panel.periods):
                columns[f"{o.name}@{period}"] = pa.array(values[:, j], from_pandas=True)
        inference = panel.inference.model_copy(update={"bootstrap": "none"})
        return dataclasses.replace(panel, source=pa.table(columns), outcomes=outcomes, inference=inference)

    def _drawn(
        self, rows: slice, outcomes: tuple[Outcome, ...], paths: Paths, draw: int
    ) -> list[NDArray[np.float64]]:  # fmt: skip
        """Return the levels (n, T) of each outcome of some firms."""
        years, cohort = np.array(self.panel.periods), self.panel.cohort[rows][:, None]
        time = np.where(cohort > 0, years - cohort, -1)
        gaps = uniform(hash_codes(self._key[rows], draw * MOST_OUTCOMES), len(years))
        found = []
        for number, o in enumerate(outcomes, start=1):
            noise = self.laws[o.name].noise
            key = hash_codes(self._key[rows], draw * MOST_OUTCOMES + number)
            y = made_paths(key, noise, effect_at(paths.get(o.name, NO_EFFECT), time), o.transform == "binary")
            found.append(np.where(gaps < noise.missing, np.nan, levels(y, o.transform)))
        return found

    @cached_property
    def _kept(self) -> Any:  # noqa: ANN401 - pyarrow.Table
        own = {name for o in self.panel.outcomes for name in self.panel.columns_of(o)}
        return self.panel.read([name for name in self.panel.column_names if name not in own])

    @cached_property
    def _key(self) -> NDArray[np.int64]:
        return stable_hash(self.panel.firm, self.seed).view(np.int64)


def effect_at(path: NDArray[np.float64], time: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the effect at some years since the award; 0 before it."""
    return np.where(time >= 0, path[np.clip(time, 0, len(path) - 1)], 0.0)
