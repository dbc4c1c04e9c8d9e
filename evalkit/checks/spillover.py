"""Whether the award changes unsupported firms near supported ones."""

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.engine.left_out import overall, without
from evalkit.errors import EstimationError, UnknownNameError, did_you_mean
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import any_missing, cells, read_covariates
from evalkit.stats.spillover import EXPOSURE, Changes, cells_in_effect, exposures
from evalkit.stats.wild_bootstrap import wild_bootstrap

QUESTION = "Do unsupported firms near supported ones move like those far from them?"
NAME = "spillover"
FEWEST_LEFT_OUT = 10
"""Fewer firms are not left out by themselves: the move would be that of few firms."""
FEWEST_CELLS = 12
"""With fewer cells the bootstrap has too few signs to give a p-value of 5 % its meaning."""
FEWEST_IN_EFFECT = 3.0
"""With one or two cells that are exposed in effect, neither test nor interval says anything."""
DRAWS = 1999
UNKNOWN = ("E_COLLINEAR", "E_NO_VARIANCE", "E_BOOTSTRAP")
"""Nothing of exposure is left to test, or what it goes with does not vary between cells."""
STEP = 0.1
"""Exposure for which the change is told."""
INFO = {
    "no_cells": "The data have no category that says which firms are near each other.",
    "no_amounts": "The data do not say how much each firm was awarded.",
    "no_base": "No unsupported firm is seen before the first award and after it.",
    "few_cells": f"Fewer than {FEWEST_CELLS} cells have unsupported firms that are seen before and after the award.",
    "alike": "Exposure hardly differs between cells, or in one of them only, so nothing can be said.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """Spillover: whether unsupported firms move otherwise where many firms around them are supported.

    Firms that share industry and region, say, make a cell. The exposure of an unsupported firm is the share of
    supported firms among the others of its cell, year by year. Its changes of the primary outcome since the year before
    the first award are regressed on it, with year effects, and with effects of each category where the cells are made
    of several and exposure can still be told from them. Cells are the clusters of a wild bootstrap that imposes no
    effect. Every estimate is also made again without the unsupported firms of highly exposed cells (a donut); how far
    it moves is told in steps of standard errors. Firms supported outside a cell, or of other programmes, do not count.

    Parameters
    ----------
    cells : tuple of str
        Categories of the panel that make a cell. Default: all categories among the covariates.
    measure : {"firms", "amount"}
        Whether each supported firm counts once, or by its award over the mean one; as the mean one where its award is
        not known.
    threshold : float
        Exposure in the last year above which the donut leaves unsupported firms out; 0 for the median one of them.
    alpha : float
        Level of the test.
    seed : int
        Of the draws.

    Assumes
    -------
    Exposure is not itself a sign of other things that move unsupported firms: the test warns, it does not prove.

    Reference
    ---------
    Berg, Reisinger and Streitz (2021), Spillover effects in empirical corporate finance, Journal of Financial Economics
    142(3), on shares of treated firms in groups; Butts (2021), Difference-in-differences with spatial spillovers, on
    leaving exposed controls out; Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90(3).
    """

    cells: tuple[str, ...] = ()
    measure: Literal["firms", "amount"] = "firms"
    threshold: float = 0.0
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.threshold < 0:
            raise ValueError("alpha must be between 0 and 1, and threshold 0 or more")

    def run(self, case: Case) -> CheckResult:
        """Test the unsupported firms of the sample, and estimate again without the exposed ones."""
        sample, panel = case.sample, case.sample.panel
        names = self._categories(sample)
        if not names:
            return _told("no_cells")
        if self.measure == "amount" and not panel.dose:
            return _told("no_amounts")
        covariates = read_covariates(panel, names)
        rows = np.flatnonzero(~any_missing(covariates, panel.n_firms))
        cell = cells(covariates, rows)
        level = exposures(cell, panel.cohort[rows], self._amounts(sample)[rows], panel.periods)
        cohorts = panel.cohort[(panel.cohort > 0) & (panel.cohort <= panel.periods[-1])]
        base = int(cohorts.min(initial=panel.periods[-1])) - 1 - panel.anticipation
        if not len(cohorts) or base < panel.periods[0]:
            return _told("no_base")
        firms = firm_paths(sample, primary(panel)).take(rows)
        changes = Changes.of(firms, cell, level, base, [p for p in panel.periods if p >= cohorts.min()])
        n_cells = int(changes.has_firms.sum())
        if n_cells < FEWEST_CELLS:
            return _told("no_base" if not n_cells else "few_cells")
        first = np.unique(cell, return_index=True)[1]
        effects = [cells([c], rows)[first] for c in covariates] if len(covariates) > 1 else []
        found = self._tested(changes, effects)
        if found is None:
            return _told("alike")
        rows_told, n_failed = self._donut(case, rows, level[cell, -1])
        about = {"outcome": primary(panel).name, "cells": n_cells, "not_estimated": n_failed}
        return self._result({**about, **found}, rows_told)

    def _categories(self, sample: MatchedSample) -> tuple[str, ...]:
        known = [c.name for c in sample.panel.covariates if c.kind == "category"]
        for name in self.cells:
            if name not in known:
                raise UnknownNameError(
                    f"the panel has no category '{name}'", where="check.cells", hint=did_you_mean(name, known)
                )
        return self.cells or tuple(known)

    def _amounts(self, sample: MatchedSample) -> NDArray[np.float64]:
        """Return what each supported firm counts."""
        panel = sample.panel
        if self.measure == "firms":
            return np.ones(panel.n_firms)
        given = panel.read([panel.dose]).column(0).to_numpy(zero_copy_only=False).astype(np.float64)
        known = (panel.cohort > 0) & (given > 0)
        return np.where(known, given / (given[known].mean() if known.any() else 1.0), 1.0)

    def _tested(self, changes: Changes, effects: list[NDArray[np.int64]]) -> dict[str, Any] | None:
        """Test with effects of categories where these leave something of exposure, and say whether they did."""
        for held in (effects, []) if effects else ([],):
            try:
                sums = changes.regression(held)
                weights = np.zeros(len(sums.bread))
                weights[EXPOSURE] = 1.0
                if cells_in_effect(sums, weights) < FEWEST_IN_EFFECT:
                    continue
                wild = wild_bootstrap(sums, weights, "rademacher", DRAWS, self.seed)
                p_value, ends = wild.p_value(), wild.interval(1 - self.alpha)
            except EstimationError as error:
                if error.code not in UNKNOWN:
                    raise
                continue
            if np.isfinite(ends).all():
                change = {"change": STEP * wild.estimate, "change_low": STEP * ends[0], "change_high": STEP * ends[1]}
                return {"p_value": p_value, **change, "held_fixed": bool(held)}
        return None

    def _donut(
        self, case: Case, rows: NDArray[np.intp], level: NDArray[np.float64]
    ) -> tuple[list[dict[str, Any]], int]:
        """Estimate again without the unsupported firms of exposed cells; also returns how many estimates fail then.

        No rows where there are too few such firms.
        """
        sample, panel = case.sample, case.sample.panel
        is_control = ((panel.cohort == 0) & (sample.weight > 0))[rows]
        cut = self.threshold or float(np.median(level[is_control]))
        out = rows[is_control & (level > cut)]
        if not FEWEST_LEFT_OUT <= len(out) < is_control.sum():
            return [], 0
        outcome = primary(panel).name
        known = [(e, whole) for e in case.effects if (whole := overall(e, outcome)) is not None]
        again = [(e.method, whole, without(case, e, out, outcome)) for e, whole in known]
        moved = [
            {"outcome": outcome, "method": method, "n_left_out": len(out), **whole.move(estimate)}
            for method, whole, estimate in again
            if estimate is not None
        ]
        return moved, len(known) - len(moved)

    def _result(self, values: dict[str, Any], rows: list[dict[str, Any]]) -> CheckResult:
        differs = values["p_value"] < self.alpha
        verdict: Verdict = "warn" if differs else "pass"
        p_value = f"p = {values['p_value']:.3f}" if values["p_value"] >= 0.001 else "p < 0.001"
        sentence = (
            f"Unsupported firms near supported ones {'move otherwise than' if differs else 'move like'} those far from "
            f"them: {STEP:g} more exposure goes with {values['change']:.4g} in {values['outcome']} ({p_value}, "
            f"{values['cells']} cells)"
        )
        kind: str = verdict
        told = {"alpha": self.alpha, **values}
        if rows:
            worst = max(rows, key=lambda row: (row["turned"], row["errors_moved"]))
            kind, told = f"{verdict}_donut", told | {k: worst[k] for k in ("method", "n_left_out", "errors_moved")}
            sentence += (
                f"; without the exposed ones the effect moves by at least {worst['errors_moved']:g} standard errors"
            )
        return CheckResult(
            NAME, QUESTION, verdict, f"{sentence}.", {"case": kind, **told}, values["p_value"], tuple(rows)
        )  # fmt: skip


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
