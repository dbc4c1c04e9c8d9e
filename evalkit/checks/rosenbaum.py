"""How much hidden bias would explain the effect of matched pairs away."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.observed import Observed
from evalkit.stats.rosenbaum import SignedRanks, shifts

QUESTION = "How strong would something not seen have to be to explain the effect away?"
NAME = "rosenbaum"
GAMMAS = (1.0, 1.25, 1.5, 2.0, 3.0)
FEWEST = 10
"""Fewer pairs have no signed ranks that are nearly normal."""
INFO = {
    "no_pairs": "Matching made no pairs of one supported and one comparison firm of its own.",
    "few_pairs": f"Fewer than {FEWEST} pairs are observed before and after the award.",
    "null": "The pairs do not differ significantly even if nothing unseen is at work.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """Rosenbaum bounds: the hidden bias at which the difference between matched pairs is no longer significant.

    Within a pair, something not seen may make one firm up to Gamma times as likely to be supported as the other. The
    differences of the pairs' mean changes since the period before the award are tested by their signed ranks under the
    worst such bias. The breakdown value is the Gamma up to which the test still rejects. Of several comparison firms
    the nearest one counts.

    Parameters
    ----------
    alpha : float
        Level of the two-sided test; half of it is that of the direction found.
    warn_below : float
        Breakdown values below this warn.

    Reference
    ---------
    Rosenbaum (2002), Observational Studies, 2nd edition, sections 4.3.3 and 4.3.4.
    """

    alpha: float = 0.05
    warn_below: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")
        if self.warn_below < 1:
            raise ValueError("warn_below must be 1 or more")

    def run(self, case: Case) -> CheckResult:
        """Look at the primary outcome, or the first."""
        treated, control = _pairs(case.sample)
        if not len(treated):
            return _told("no_pairs")
        outcome = primary(case.sample.panel)
        d = pair_differences(firm_paths(case.sample, outcome), treated, control)
        if len(d) < FEWEST or not d.any():
            return _told("few_pairs")
        ranks = SignedRanks.of(d)
        sign = 1.0 if ranks.positive >= ranks.total / 2 else -1.0
        gamma = SignedRanks.of(sign * d).breakdown(self.alpha / 2)
        if gamma < 1:
            return _told("null")
        return self._result(sign, d, gamma, outcome.name)

    def _result(self, sign: float, d: NDArray[np.float64], gamma: float, outcome: str) -> CheckResult:
        ranks, rows = SignedRanks.of(sign * d), []
        for g in GAMMAS:
            (p_low, p_high), ends = ranks.p_values(g), shifts(sign * d, g)
            low, high = sorted(sign * end for end in ends)
            rows.append({"gamma": g, "p_low": p_low, "p_high": p_high, "shift_low": low, "shift_high": high})
        told = round(min(gamma, 99.0), 2)
        is_weak = gamma < self.warn_below
        verdict: Verdict = "warn" if is_weak else "pass"
        beside = "which a modest bias would reach" if is_weak else "which only a strong bias would reach"
        sentence = (
            f"Something not seen would have to make one firm of a pair {told:g} times as likely to be supported as the "
            f"other before the effect on {outcome} were no longer significant, {beside}."
        )
        values: dict[str, Any] = {
            "case": "weak" if is_weak else "strong", "outcome": outcome, "breakdown": told, "n_pairs": len(d),
            "alpha": self.alpha, "warn_below": self.warn_below,
        }  # fmt: skip
        return CheckResult(NAME, QUESTION, verdict, sentence, values, told, tuple(rows))


def pair_differences(
    firms: Observed, treated: NDArray[np.int64], control: NDArray[np.int64]
) -> NDArray[np.float64]:  # fmt: skip
    """Return the supported less the comparison firm's mean change since the period before the award, by pair.

    Only periods in which both are observed count; pairs without one are left out.
    """
    periods, cohort = np.array(firms.periods), firms.cohort[treated]
    place = cohort - 1 - firms.anticipation - periods[0]
    gap = firms.y[treated] - firms.y[control]
    inside = (place >= 0) & (place < len(periods))
    base = np.where(inside, gap[np.arange(len(gap)), np.where(inside, place, 0)], math.nan)
    change = np.where(periods[None, :] >= cohort[:, None], gap - base[:, None], math.nan)
    seen = np.isfinite(change)
    use = seen.any(axis=1)
    found: NDArray[np.float64] = np.where(seen, change, 0.0)[use].sum(axis=1) / seen[use].sum(axis=1)
    return found


def _pairs(sample: MatchedSample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of the supported and the nearest comparison firm of each pair; none when firms are in several."""
    nearest = sample.pairs["order"].to_numpy() == 0
    treated, control = (sample.pairs[name].to_numpy()[nearest] for name in ("treated", "control"))
    if len(np.unique(control)) < len(control) or len(np.unique(treated)) < len(treated):
        return treated[:0], control[:0]
    return treated, control


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
