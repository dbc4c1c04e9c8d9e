"""What wrong and missing links between awards and firms may have done to the effect."""

import dataclasses
from typing import Any

import numpy as np

from evalkit.engine.firm_paths import primary
from evalkit.errors import EvalkitError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.flow import Flow
from evalkit.stats.aggregate import aggregate
from evalkit.stats.candidates import candidates
from evalkit.stats.link_error import LinkQuality, attenuation_bounds, effect_bounds, wilson

QUESTION = "How much larger may the effect be, given awards linked to wrong firms or to none?"
WARN_BELOW, FAIL_BELOW = 0.90, 0.70
"""Shares of the effect that are left; a rate of links below the second takes a design a grade down."""
LINKED = "link to firms"
"""Step of the flow that counts awards with and without a firm."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Link error: how far wrong and missing links may have pulled the effect towards zero.

    Awards linked to a wrong firm put unsupported firms among the supported; awards linked to no firm leave supported
    firms among the comparison. If that has nothing to do with how outcomes change, the estimate is the effect times
    precision - precision x (1/recall - 1) x (supported firms)/(firms never supported). The check tells the least and
    the greatest effect that this allows. Without precision and recall of labelled links it takes the rate of linked
    awards as the least recall, and trusts every link made.

    Parameters
    ----------
    precision : float or None
        Share of links that are right, from a labelled sample.
    recall : float or None
        Share of awards of firms in the register that were linked, from a labelled sample.
    n_labelled : int
        Links in that sample; 0 takes precision and recall as exact.
    link_rate : float or None
        Share of awards with a firm. Default: what the build counted.

    Assumes
    -------
    Whether a link is wrong or missing is unrelated to how the outcome of the firm changes.

    Reference
    ---------
    Aigner (1973), Journal of Econometrics 1(1); Lewbel (2007), Estimation of average treatment effects with
    misclassification, Econometrica 75(2).
    """

    precision: float | None = None
    recall: float | None = None
    n_labelled: int = 0
    link_rate: float | None = None

    def __post_init__(self) -> None:
        if any(share is not None and not 0 < share <= 1 for share in (self.precision, self.recall, self.link_rate)):
            raise ValueError("precision, recall and link_rate must be above 0 and at most 1")
        if self.n_labelled < 0:
            raise ValueError("n_labelled must be 0 or more")

    def run(self, case: Case) -> CheckResult:
        """Bound the effect on the primary outcome by every estimate."""
        panel = case.sample.panel
        rate = self.link_rate if self.link_rate is not None else _linked(panel.flow)
        if rate is None and self.precision is None and self.recall is None:
            sentence = (
                "Nothing is known of the quality of links: awards came with firm ids, or their links were not counted."
            )
            return CheckResult("link_error", QUESTION, "info", sentence, {"case": "not_known"})
        firms = candidates(panel)
        n_treated, n_control = int(firms.treated.sum()), int(firms.control.sum())
        if not n_treated or not n_control:
            sentence = "There are no supported or no never-supported firms whose links could be wrong or missing."
            return CheckResult("link_error", QUESTION, "info", sentence, {"case": "no_groups"})
        quality = self._quality(rate)
        factors = attenuation_bounds(quality, n_treated / n_control)
        rows = [row for effects in case.effects if (row := _row(effects, primary(panel).name, factors))]
        told = {
            "n_treated": n_treated, "n_control": n_control, "share_precision": quality.precision[0],
            "share_recall": quality.recall[0],
        }  # fmt: skip
        return _result(factors, rate, told, tuple(rows))

    def _quality(self, rate: float | None) -> LinkQuality:
        """Return precision and recall with what their sample leaves open; without a sample, what the rate allows."""
        precision = self._range(self.precision) if self.precision is not None else (1.0, 1.0)
        if self.recall is not None:
            return LinkQuality(precision, self._range(self.recall))
        return LinkQuality(precision, (rate if rate is not None else 1.0, 1.0))

    def _range(self, share: float) -> tuple[float, float]:
        return wilson(share, self.n_labelled) if self.n_labelled else (share, share)


def _linked(flow: Flow) -> float | None:
    """Return the share of awards that found a firm; None where the build has no such step."""
    steps = [step for step in flow.steps if step.step == LINKED and step.n_in > 0]
    return steps[0].kept / steps[0].n_in if steps else None


def _row(effects: Effects, outcome: str, factors: tuple[float, float]) -> dict[str, Any] | None:
    """Bound the overall effect of one estimator and its interval."""
    try:
        overall = aggregate(effects.of(outcome)).table.iloc[0]
    except EvalkitError:
        return None
    estimate, low, high = (float(overall[name]) for name in ("estimate", "conf_low", "conf_high"))
    inside, interval = effect_bounds(estimate, estimate, factors), effect_bounds(low, high, factors)
    if inside is None or interval is None or not np.isfinite([estimate, low, high]).all():
        return None
    return {
        "outcome": outcome, "method": effects.method, "estimate": estimate, "low": inside[0], "high": inside[1],
        "conf_low": interval[0], "conf_high": interval[1],
    }  # fmt: skip


def _result(
    factors: tuple[float, float], rate: float | None, told: dict[str, Any], rows: tuple[dict[str, Any], ...]
) -> CheckResult:  # fmt: skip
    least = factors[0]
    is_low = rate is not None and rate < FAIL_BELOW
    verdict: Verdict = "fail" if least < FAIL_BELOW or is_low else "warn" if least < WARN_BELOW else "pass"
    sentence = (
        f"With at least {told['share_precision']:.1%} of links right and {told['share_recall']:.1%} of awards linked, "
        f"the estimate shows {max(least, 0.0):.1%} to {max(factors[1], 0.0):.1%} of the effect"
    )
    kind = verdict if least > 0 else "nothing"
    values = {
        "case": kind, **told, "share_least": max(least, 0.0), "share_most": max(factors[1], 0.0),
        "warn_below": WARN_BELOW, "fail_below": FAIL_BELOW,
    }  # fmt: skip
    if rate is not None:
        values["share_linked"] = rate
    if rows:
        values |= rows[0]
        sentence += f": that on {rows[0]['outcome']} may be {rows[0]['low']:.4g} to {rows[0]['high']:.4g}"
    elif kind != "nothing":
        values["case"] = f"{kind}_alone"
    return CheckResult("link_error", QUESTION, verdict, f"{sentence}.", values, max(least, 0.0), rows)
