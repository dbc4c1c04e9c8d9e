"""Whether dealing the award out at random would give as large an effect."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from evalkit.engine.deals import deal
from evalkit.errors import DesignError, EstimationError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.study import Outcome
from evalkit.stats.aggregate import aggregate
from evalkit.stats.randomisation import Tested, randomisation_test

QUESTION = "Would an award dealt out at random show as large an effect?"
NAME = "randomisation"
FEWEST_DRAWS = 499
NOT_TESTED = {
    "E_NO_TREATED": "too_few", "E_NO_CONTROL": "too_few", "E_NO_VARIANCE": "no_error", "E_BOOTSTRAP": "no_error",
}  # fmt: skip
"""Reasons that leave nothing to test, and the case they are told as."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Randomisation test: the award is dealt out anew among the firms, and the effect compared with those by chance.

    The effect is the mean change of supported firms from the last year before their award to the years from it on, less
    that of never supported firms, divided by its standard error. No law of errors is assumed, which makes the test a
    witness when few firms are supported. Its p-value stands beside those of the estimates: they should agree on whether
    there is an effect.

    Parameters
    ----------
    draws : int
        How often the award is dealt out; at least 499.
    strata : tuple of str
        Categories of firms, industry for example, within whose combinations the award is dealt out, where the award or
        the matching went by them.
    alpha : float
        Level at which effects count as found.
    seed : int
        Of the draws.

    Reference
    ---------
    Wu and Ding (2021), Journal of the American Statistical Association 116(536), on studentised statistics; MacKinnon
    and Webb (2020), Journal of Econometrics 218(2), on few treated clusters.
    """

    draws: int = 999
    strata: tuple[str, ...] = ()
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")
        if self.draws < FEWEST_DRAWS:
            raise ValueError(f"draws must be {FEWEST_DRAWS} or more")

    def run(self, case: Case) -> CheckResult:
        """Test the primary outcome, or the first."""
        panel = case.sample.panel
        if panel.clusters:
            sentence = "The firms of a cluster are not independent, so the award cannot be dealt out among firms."
            return CheckResult(NAME, QUESTION, "info", sentence, {"case": "clusters"})
        outcome = next((o for o in panel.outcomes if o.primary), panel.outcomes[0])
        try:
            dealt = deal(case.sample, outcome, self.strata)
            found = randomisation_test(dealt, self.draws, self.seed)
        except (DesignError, EstimationError) as error:
            if error.code not in NOT_TESTED:
                raise
            sentence = f"Nothing can be tested: {error.problem}."
            return CheckResult(NAME, QUESTION, "info", sentence, {"case": NOT_TESTED[error.code]})
        return self._judged(outcome, found, list(_estimates(case, outcome)))

    def _judged(self, outcome: Outcome, found: Tested, beside: list[dict[str, Any]]) -> CheckResult:
        is_found = found.p_value < self.alpha
        agree = all((row["p_value"] < self.alpha) == is_found for row in beside)
        verdict: Verdict = "pass" if agree else "warn"
        kind = ("effect" if is_found else "chance") if agree else "differ"
        says = {
            "effect": "An award dealt out at random rarely shows",
            "chance": "An award dealt out at random may well show",
            "differ": "The estimates do not agree on whether an award dealt out at random would show",
        }[kind]
        sentence = (
            f"{says} as large an effect on {outcome.name} as was found: p = {found.p_value:.3f} of "
            f"{self.draws:,} draws."
        )
        values = {
            "case": kind, "alpha": self.alpha, "outcome": outcome.name, "draws": self.draws,
            "degenerate": found.n_degenerate, "p_value": found.p_value,
        }  # fmt: skip
        rows = tuple({**row, "p_randomisation": found.p_value} for row in beside)
        return CheckResult(NAME, QUESTION, verdict, sentence, values, found.p_value, rows)


def _estimates(case: Case, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Give the overall effect of every estimate that has a standard error."""
    for effects in case.effects:
        given = effects.of(outcome.name)
        times = given.table["event_time"]
        if given.table.empty or (times.notna().any() and not (times >= 0).any()):
            continue
        row = aggregate(given, "overall").table.iloc[0]
        if np.isfinite(row["p_value"]):
            yield {
                "outcome": outcome.name, "method": effects.method, "estimate": float(row["estimate"]),
                "std_error": float(row["std_error"]), "p_value": float(row["p_value"]),
            }  # fmt: skip
