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
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import read_covariates

QUESTION = "Does the effect rest on one award cohort, or on one category of firms?"
NAME = "leave_one_out"
COHORT = "cohort"
FEWEST = 10
"""Groups with fewer supported firms are not left out by themselves: the move would be that of few firms."""
WARN_AT = 1.0


@dataclasses.dataclass(frozen=True)
class Method:
    """Leave one out: the effect on the primary outcome without each award cohort, industry, prefecture and so on.

    Each estimate is made again without all firms of a group. Moves are told in steps of standard errors, since exact
    ones would tell the effect of the group that was left out. Groups with fewer than ten supported firms stay in, and
    are counted.

    Parameters
    ----------
    by : tuple of str
        "cohort" and categories of the panel. Default: cohort and all categories among the covariates.

    Reference
    ---------
    Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 11, on the jackknife of groups.
    """

    by: tuple[str, ...] = ()

    def run(self, case: Case) -> CheckResult:
        """Leave groups out of every estimate."""
        outcome = primary(case.sample.panel).name
        wholes = [(e, whole) for e in case.effects if (whole := overall(e, outcome)) is not None]
        groups = list(self._groups(case.sample)) if wholes else []
        large = [(by, level, rows) for by, level, rows, n_treated in groups if n_treated >= FEWEST]
        if not large:
            sentence = "There is no estimate with a standard error, or no group with ten supported firms to leave out."
            return CheckResult(NAME, QUESTION, "info", sentence, {"case": "too_few"})
        rows = [
            {"outcome": outcome, "method": effects.method, "covariate": by, "level": level,
             **whole.move(without(case, effects, out, outcome))}
            for effects, whole in wholes for by, level, out in large
        ]  # fmt: skip
        return _result(rows, len(large), len(groups) - len(large))

    def _groups(self, sample: MatchedSample) -> Iterator[tuple[str, str, NDArray[np.intp], int]]:
        """Give the groups: what they are of, their level, their rows and their supported firms."""
        panel, known = sample.panel, [c.name for c in sample.panel.covariates if c.kind == "category"]
        asked = self.by or (COHORT, *known)
        treated = (panel.cohort > 0) & (sample.weight > 0)
        for by in asked:
            if by == COHORT:
                for cohort in np.unique(panel.cohort[treated]).tolist():
                    rows = np.flatnonzero(panel.cohort == cohort)
                    yield by, str(cohort), rows, int(treated[rows].sum())
                continue
            if by not in known:
                raise UnknownNameError(
                    f"the panel has no category '{by}'", where="check.by", hint=did_you_mean(by, [COHORT, *known])
                )
            (covariate,) = read_covariates(panel, [by])
            for code, level in enumerate(covariate.levels or ()):
                rows = np.flatnonzero(covariate.values == code)
                yield by, level, rows, int(treated[rows].sum())


def _result(rows: list[dict[str, Any]], n_groups: int, n_small: int) -> CheckResult:
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
        sentence = (
            f"The effect on {worst['outcome']} moves by less than a standard error whichever of {n_groups} groups "
        )
        sentence += "is left out"
    told = {k: worst[k] for k in ("outcome", "method", "covariate", "level", "errors_moved")}
    values = {"case": kind, **told, "groups": n_groups, "small_groups": n_small}
    return CheckResult(NAME, QUESTION, verdict, f"{sentence}.", values, worst["errors_moved"], tuple(rows[:MOST_ROWS]))


MOST_ROWS = 400
"""Rows of the table; the verdict rests on all groups."""
