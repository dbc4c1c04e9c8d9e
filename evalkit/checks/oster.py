"""How strongly firms would have to be selected by what is not seen, measured by how they are by the covariates."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.award_products import FEWEST, award_products
from evalkit.engine.firm_paths import primary
from evalkit.engine.left_out import overall
from evalkit.errors import DesignError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.oster import Regressions, covariates_p_value, regressions

QUESTION = "Would selection by what is not seen, as strong as that by the covariates, explain the effect away?"
NAME = "oster"
ALPHA = 0.05
"""Level at which covariates must have to do with the change, and effects count as found."""
MOST = 99.0
"""Ratios are told up to here."""
INFO = {
    "no_covariates": "No baseline covariate varies between the firms, so selection by them cannot be measured.",
    "too_few": f"Fewer than {FEWEST} supported or comparison firms have all covariates and a change since the award.",
    "collinear": "The covariates are collinear, or tell exactly who was supported, so nothing can be compared.",
    "constant": "All firms changed alike, so there is nothing that selection could explain.",
    "null": "No effect can be said to differ from zero, so that nothing needs to be explained away.",
    "uninformative": "The covariates have nothing to do with the change, so they tell nothing about what is not seen.",
}
REFUSED = {"E_NO_TREATED": "too_few", "E_NO_COVARIATE": "no_covariates", "E_COLLINEAR": "collinear"}
"""Reasons that leave nothing to measure, and the case they are told as."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Oster bounds: selection by what is not seen, as a multiple of that by the covariates, that leaves no effect.

    The change since the period before the award, to the mean of the periods from it on, is regressed on the award
    without and with the baseline covariates, each cohort beside the never supported firms of the same periods. How far
    the covariates move the effect, and how much of the change they explain, tells what the unseen would do if it
    selected firms as strongly (delta = 1) and raised R2 to 1.3 times that with the covariates, or to 1. A ratio of 1 or
    more passes; so does one below 0, at which the unseen would have to work against the direction of the covariates.

    Assumes
    -------
    What is not seen selects firms in the direction in which the covariates do, and is not related to them.

    Reference
    ---------
    Oster (2019), Unobservable selection and coefficient stability, Journal of Business & Economic Statistics 37(2),
    section 3; Altonji, Elder and Taber (2005), Journal of Political Economy 113(1), for the ratio.
    """

    def run(self, case: Case) -> CheckResult:
        """Look at the primary outcome, or the first."""
        sample, outcome = case.sample, primary(case.sample.panel)
        if not sample.panel.covariates:
            return _told("no_covariates")
        wholes = [whole for e in case.effects if (whole := overall(e, outcome.name)) is not None]
        if wholes and not any(whole.is_significant for whole in wholes):
            return _told("null")
        try:
            found = award_products(sample, outcome)
            if not found.products[-1, -1] > 0:
                return _told("constant")
            both = regressions(found.products, found.names)
        except DesignError as error:
            if error.code not in REFUSED:
                raise
            return _told(REFUSED[error.code])
        if covariates_p_value(both, len(found.names), found.n_treated + found.n_control) > ALPHA:
            return _told("uninformative")
        counts = {"n_treated": found.n_treated, "n_control": found.n_control}
        return _result(both, outcome.name, counts)


def _result(both: Regressions, outcome: str, counts: dict[str, int]) -> CheckResult:
    delta, adjusted = float(np.clip(both.delta(), -MOST, MOST)), both.adjusted()
    verdict: Verdict = "warn" if 0 <= delta < 1 else "pass"
    kind = "weak" if verdict == "warn" else "strong" if delta > 0 else "opposite"
    ratio = round(delta, 2)
    says = {
        "weak": f"Selection by what is not seen would explain the effect on {outcome} away if it were {ratio:g} times "
        "as strong as that by the covariates",
        "strong": f"Selection by what is not seen would have to be {ratio:g} times as strong as that by the covariates "
        f"to explain the effect on {outcome} away",
        "opposite": f"Selection by what is not seen could explain the effect on {outcome} away only if it worked "
        f"against that by the covariates, {-ratio:g} times as strongly",
    }[kind]
    sentence = f"{says}; as strong as that, it would leave {adjusted:.4g} of {both.long:.4g}."
    row: dict[str, Any] = {
        "outcome": outcome, "short": both.short, "long": both.long, "adjusted": adjusted, "r2_short": both.r2_short,
        "r2_long": both.r2_long, "r2_max": both.r2_max, "selection": ratio, **counts,
    }  # fmt: skip
    values = {"case": kind, **row, "selection_against": -ratio}
    return CheckResult(NAME, QUESTION, verdict, sentence, values, ratio, (row,))


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
