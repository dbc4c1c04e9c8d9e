"""Whether tests on these data reject as often as they say when there is nothing to find."""

import dataclasses
from typing import Any

from evalkit.engine.firm_paths import primary
from evalkit.engine.paths import clusters
from evalkit.engine.splits import FEWEST_CLUSTERS, FEWEST_FIRMS, Splits, cluster_splits, firm_splits
from evalkit.errors import DesignError, EstimationError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.stats.aa_splits import LEVEL, Calibration

QUESTION = "Do tests on these data reject as often as they say when there is nothing to find?"
NAME = "aa_splits"
FEWEST_DRAWS = 100
LEVELS = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Levels at which rejections are told."""
INFO = {
    "too_few": f"Fewer than {FEWEST_FIRMS} unsupported firms ({FEWEST_CLUSTERS} clusters of them), or fewer than three "
    "to pretend about, can be split.",
    "no_error": "The effect has no standard error in too many splits: nothing can be tested.",
    "two_ways": "Firms are in clusters in two ways, and cannot be split by whole clusters of both.",
}
REFUSED = {
    "E_NO_TREATED": "too_few", "E_NO_CONTROL": "too_few", "E_NO_VARIANCE": "no_error", "E_BOOTSTRAP": "no_error",
}  # fmt: skip
"""Reasons that leave nothing to test, and the case they are told as."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A/A splits: the unsupported firms are split at random again and again, and effects of nothing are tested.

    In each split as many firms as were really supported, at most half of the unsupported ones, are pretended to be, in
    the mix of the real award years; where the study has clusters above the firm, whole clusters are. The mean change of
    the pretended firms less that of the rest is tested as group-time effects are. At 5 % about 5 % of splits must
    reject, within three standard errors of such a share, and p-values must be uniform (Kolmogorov and Smirnov, p above
    0.001). Otherwise inference is not calibrated on these data: outcomes have too heavy tails for so few firms, or
    clusters are too few or too unequal. No outcome of a supported firm is used and no effect can be told from the
    answer, so the check can stand before the seal.

    Parameters
    ----------
    draws : int
        How often firms are split; at least 100.
    seed : int
        Of the splits.

    Reference
    ---------
    Bertrand, Duflo and Mullainathan (2004), Quarterly Journal of Economics 119(1), section III, on placebo laws among
    the untreated; Young (2019), Quarterly Journal of Economics 134(2), on tests that reject too often.
    """

    draws: int = 200
    seed: int = 0

    is_design = True

    def __post_init__(self) -> None:
        if self.draws < FEWEST_DRAWS:
            raise ValueError(f"draws must be {FEWEST_DRAWS} or more")

    def run(self, case: Case) -> CheckResult:
        """Look at the primary outcome, or the first."""
        sample, outcome = case.sample, primary(case.sample.panel)
        if len(sample.panel.clusters) > 1:
            return _told("two_ways")
        split = firm_splits if clusters(sample.panel)[0] is None else cluster_splits
        try:
            found = split(sample, outcome, self.draws, self.seed)
        except (DesignError, EstimationError) as error:
            if error.code not in REFUSED:
                raise
            return _told(REFUSED[error.code])
        return self._result(found, outcome.name, "clusters" if sample.panel.clusters else "firms")

    def _result(self, found: Splits, outcome: str, unit: str) -> CheckResult:
        told = Calibration.of(found.p_values)
        verdict: Verdict = "pass" if told.holds else "fail"
        says = "Inference is calibrated" if told.holds else "Inference is not calibrated"
        sentence = (
            f"{says} on these data: of {self.draws:,} random splits of unsupported {unit}, tests of the effect on "
            f"{outcome} at {LEVEL:.0%} reject {told.rejected:.1%} ({told.low:.1%} to {told.high:.1%} are expected), "
            f"and p-values are uniform with p = {told.p_value:.3f}."
        )
        sizes = {"n_pretended": found.n_pretended, "n_rest": found.n_rest} if unit == "firms" else {
            "pretended_clusters": found.n_pretended, "rest_clusters": found.n_rest
        }  # fmt: skip
        values: dict[str, Any] = {
            "case": verdict if unit == "firms" else f"{verdict}_clusters", "outcome": outcome, "draws": self.draws,
            "percent_rejected": 100 * told.rejected, "percent_low": 100 * told.low, "percent_high": 100 * told.high,
            "p_value": told.p_value, **sizes,
        }  # fmt: skip
        rows = tuple(
            {"percent_expected": 100 * level, "percent_rejected": 100 * float((found.p_values < level).mean())}
            for level in LEVELS
        )
        return CheckResult(NAME, QUESTION, verdict, sentence, values, told.rejected, rows)


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
