"""Overlap of the propensity scores of treated and control firms."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import candidates

QUESTION = "Is there a comparable control firm for every treated firm?"
_WANTED_BINS = 30
_NICE_STEPS = (1.0, 2.0, 5.0, 10.0)
_FINEST = 1e-9
"""Smallest bin as a share of the largest score, so that edges keep 12 digits."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Overlap: how many treated firms have a score that no control has, or were dropped by matching.

    The verdict rests on the share of treated firms outside the range of the controls' scores or dropped for want of a
    control. The table has the counts of a mirrored histogram; each bar stands for at least `smallest_bin` firms.

    Parameters
    ----------
    warn_above : float
        Largest share of treated firms without a comparable control that passes.
    fail_above : float
        Largest share that does not fail.
    smallest_bin : int
        Neighbouring bins are joined until each group has none or at least this many firms in each.

    Reference
    ---------
    Heckman, Ichimura and Todd (1997), Matching as an econometric evaluation estimator; Crump, Hotz, Imbens and Mitnik
    (2009), Dealing with limited overlap in estimation of average treatment effects.
    """

    warn_above: float = 0.05
    fail_above: float = 0.25
    smallest_bin: int = 10

    is_design = True

    def __post_init__(self) -> None:
        if not 0 <= self.warn_above <= self.fail_above <= 1:
            raise ValueError("warn_above and fail_above must be shares, the first one the smaller")
        if self.smallest_bin < 1:
            raise ValueError("smallest_bin must be 1 or more")

    def run(self, case: Case) -> CheckResult:
        """Compare the scores of all firms that could be matched."""
        sample = case.sample
        firms = candidates(sample.panel)
        scored = np.isfinite(sample.distance)
        treated, control = firms.treated & scored, firms.control & scored
        if not (treated.any() and control.any()):
            sentence = f"Matching by '{sample.method}' makes no score, so there is no overlap of scores to look at."
            values = {"case": "no_score", "dropped": _dropped(sample, firms.treated)}
            return CheckResult("overlap", QUESTION, "info", sentence, values)
        low, high = sample.distance[control].min(), sample.distance[control].max()
        outside = treated & ((sample.distance < low) | (sample.distance > high))
        unmatched = firms.treated & ~np.isin(sample.reason, ["", "missing_covariate"])
        counts = {
            "n_treated": int(firms.treated.sum()), "n_outside": int(outside.sum()),
            "n_unmatched": int(unmatched.sum()), "n_without": int((outside | unmatched).sum()),
        }  # fmt: skip
        bins = score_bins(sample.distance[treated], sample.distance[control], self.smallest_bin)
        return self._result(counts, _dropped(sample, firms.treated), bins)

    def _result(self, counts: dict[str, int], dropped: dict[str, int], bins: list[dict[str, Any]]) -> CheckResult:
        share = counts["n_without"] / counts["n_treated"]
        verdict: Verdict = "fail" if share > self.fail_above else "warn" if share > self.warn_above else "pass"
        sentence = (
            f"{counts['n_without']:,} of {counts['n_treated']:,} treated firms ({share:.1%}) have no comparable "
            f"control: {counts['n_outside']:,} have a score outside the range of the controls' scores, "
            f"matching dropped {counts['n_unmatched']:,}."
        )
        limits = {"warn_above": self.warn_above, "fail_above": self.fail_above}
        values = {"case": verdict, "share": share, **counts, **limits, "dropped": dropped}
        return CheckResult("overlap", QUESTION, verdict, sentence, values, share, tuple(bins))


def _dropped(sample: MatchedSample, treated: NDArray[np.bool_]) -> dict[str, int]:
    """Count dropped treated firms by reason."""
    reasons, counts = np.unique(sample.reason[treated & (sample.reason != "")].astype(str), return_counts=True)
    return dict(zip(reasons.tolist(), counts.tolist(), strict=True))


def score_bins(treated: NDArray[np.float64], control: NDArray[np.float64], smallest: int) -> list[dict[str, Any]]:
    """Count scores in bins whose edges are round numbers, never a firm's score.

    Parameters
    ----------
    treated, control : (n_treated,), (n_control,) float64
        Scores of the two groups.
    smallest : int
        Neighbouring bins are joined until each group has none or at least this many firms in each.

    Returns
    -------
    list of dict
        `low`, `high`, `n_treated`, `n_control`; empty when a group has fewer firms than `smallest`.
    """
    if min(len(treated), len(control)) < smallest:
        return []
    both = np.concatenate([treated, control])
    step = _nice(max(np.ptp(both) / _WANTED_BINS, _FINEST * np.abs(both).max()))
    first, last = (int(np.floor(v / step)) for v in (both.min(), both.max()))
    counts = [
        np.bincount(np.floor(s / step).astype(int) - first, minlength=last - first + 1) for s in (treated, control)
    ]
    cuts, edges = np.stack(counts, axis=1), [0]
    for end in range(1, len(cuts) + 1):
        if _is_large_enough(cuts[edges[-1] : end], smallest):
            edges.append(end)
    edges[-1] = len(cuts)
    while not _is_large_enough(cuts[edges[-2] :], smallest):
        del edges[-2]
    return [
        {
            "low": float(f"{(first + a) * step:.12g}"), "high": float(f"{(first + b) * step:.12g}"),
            "n_treated": int(cuts[a:b, 0].sum()), "n_control": int(cuts[a:b, 1].sum()),
        }
        for a, b in itertools.pairwise(edges)
    ]  # fmt: skip


def _is_large_enough(counts: NDArray[np.int64], smallest: int) -> bool:
    totals = counts.sum(axis=0)
    return bool(totals.any() and ((totals == 0) | (totals >= smallest)).all())


def _nice(step: float) -> float:
    """Return the next step up of the kind 1, 2, 5 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(power * nice for nice in _NICE_STEPS if power * nice >= step))
