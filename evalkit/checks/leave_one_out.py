"""Whether the effect rests on one award cohort, industry or region."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.firm_paths import primary
from evalkit.engine.left_out import overall, without
from evalkit.errors import UnknownNameError, did_you_mean
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.panel import Panel, PanelCovariate
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import read_covariates

QUESTION = "Does the effect rest on one award cohort, or on one category of firms?"
NAME = "leave_one_out"
COHORT = "cohort"
FEWEST = 10
"""Groups with fewer supported firms, or all but fewer, are not left out: the effect told would be that of few firms."""
MOST_ROWS = 400
"""Rows of the table, those that move most; the verdict rests on all groups."""
WARN_AT = 1.0


@dataclasses.dataclass(frozen=True)
class Method:
    """Leave one out: the effect on the primary outcome without each award cohort, industry, prefecture and so on.

    Each estimate is made again without all firms of a group. Moves are told in steps of standard errors, since exact
    ones would tell the effect of the group that was left out. Groups with fewer than ten supported firms stay in, as do
    groups beside which fewer than ten are left, and both are counted.

    Parameters
    ----------
    by : tuple of str
        "cohort" and categories of the panel. Default: cohort, all categories among the covariates, and what firms are
        clustered by.

    Reference
    ---------
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 11, on the jackknife of groups.
    """

    by: tuple[str, ...] = ()

    def run(self, case: Case) -> CheckResult:
        """Leave groups out of every estimate."""
        outcome = primary(case.sample.panel).name
        wholes = [(e, whole) for e in case.averages if (whole := overall(e, outcome)) is not None]
        groups = list(self._groups(case.sample)) if wholes else []
        n_treated = case.sample.n_treated
        large = [g for g in groups if FEWEST <= g.n_treated <= n_treated - FEWEST]
        rows = [
            {"outcome": outcome, "method": effects.method, "covariate": g.by, "level": g.level, **whole.move(again)}
            for effects, whole in wholes for g in large
            if (again := without(case, effects, g.rows, outcome)) is not None
        ]  # fmt: skip
        if not rows:
            sentence = "There is no estimate with a standard error, or no group that leaves ten supported firms in and "
            return CheckResult(NAME, QUESTION, "info", f"{sentence}ten out.", {"case": "too_few"})
        n_small = sum(g.n_treated < FEWEST for g in groups)
        counts = {
            "groups": len(large), "small_groups": n_small, "whole_groups": len(groups) - len(large) - n_small,
            "not_estimated": len(large) * len(wholes) - len(rows),
        }  # fmt: skip
        return _result(rows, counts)

    def _groups(self, sample: MatchedSample) -> Iterator["_Group"]:
        """Give the groups."""
        panel = _with_clusters(sample.panel)
        known = [c.name for c in panel.covariates if c.kind == "category"]
        asked = self.by or (COHORT, *known)
        treated = (panel.cohort > 0) & (sample.weight > 0)
        for by in asked:
            if by == COHORT:
                for cohort in np.unique(panel.cohort[treated]).tolist():
                    rows = np.flatnonzero(panel.cohort == cohort)
                    yield _Group(by, str(cohort), rows, int(treated[rows].sum()))
                continue
            if by not in known:
                raise UnknownNameError(
                    f"the panel has no category '{by}'", where="check.by", hint=did_you_mean(by, [COHORT, *known])
                )
            (covariate,) = read_covariates(panel, [by])
            for code, level in enumerate(covariate.levels or ()):
                rows = np.flatnonzero(covariate.values == code)
                yield _Group(by, str(level), rows, int(treated[rows].sum()))


@dataclasses.dataclass(frozen=True, eq=False)
class _Group:
    """What a group is of, its level, its rows and its supported firms."""

    by: str
    level: str
    rows: NDArray[np.intp]
    n_treated: int


def _with_clusters(panel: Panel) -> Panel:
    """Count what firms are clustered by among the categories of a panel."""
    names = {c.name for c in panel.covariates}
    more = (PanelCovariate(name, "category") for name in panel.clusters if name not in names)
    return dataclasses.replace(panel, covariates=(*panel.covariates, *more))


def _result(rows: list[dict[str, Any]], counts: dict[str, int]) -> CheckResult:
    worst = max(rows, key=lambda row: (row["turned"], row["errors_moved"]))
    group = f"{worst['covariate']} {worst['level']}"
    kind: str
    verdict: Verdict
    if worst["turned"]:
        kind, verdict = "turned", "fail"
        sentence = f"Without {group} the effect on {worst['outcome']} changes its sign"
    elif worst["errors_moved"] >= WARN_AT:
        kind, verdict = "moved", "warn"
        sentence = f"Without {group} the effect on {worst['outcome']} moves by at least {worst['errors_moved']:g} "
        sentence += "standard errors"
    else:
        kind, verdict = "pass", "pass"
        sentence = f"The effect on {worst['outcome']} moves by less than a standard error whichever of "
        sentence += f"{counts['groups']} groups is left out"
    told = {k: worst[k] for k in ("outcome", "method", "covariate", "level", "errors_moved")}
    values = {"case": kind, **told, **counts}
    first = sorted(range(len(rows)), key=lambda i: (not rows[i]["turned"], -rows[i]["errors_moved"]))[:MOST_ROWS]
    shown = tuple(rows[i] for i in sorted(first))
    return CheckResult(NAME, QUESTION, verdict, f"{sentence}.", values, worst["errors_moved"], shown)
