"""Which of a release's answers speak to how robust its main finding is."""

from typing import Literal

from evalkit.model.evaluation import Release
from evalkit.reporting.points import averages

Kind = Literal["specifications", "estimators", "placebo", "bounds"]
KINDS: dict[Kind, tuple[str, ...]] = {
    "specifications": ("specification_curve", "influence", "leave_one_out", "composition", "comparison_groups"),
    "estimators": ("estimator_agreement", "bacon"),
    "placebo": (
        "pretrends",
        "pretrend_power",
        "anticipation",
        "covariate_path",
        "placebo_dates",
        "placebo_outcomes",
        "refuters",
        "aa_splits",
        "randomisation",
        "wild_bootstrap",
    ),
    "bounds": ("honest_did", "rosenbaum", "e_value", "oster", "attrition", "spillover", "link_error"),
}
"""Checks by what they vary: choices of the analyst, the estimator, where there can be no effect, what is not seen."""
LEAST_ANSWERS = 5
"""A report needs so many."""


def answers(release: Release) -> list[tuple[Kind, str]]:
    """Return the robustness answers: kind and name of a check, or "estimators" and the name of a further estimate."""
    found: list[tuple[Kind, str]] = []
    for kind, names in KINDS.items():
        found += [(kind, name) for name, check in release.checks.items() if check.name in names]
        if kind == "estimators":
            found += [(kind, name) for name in averages(release)[1:]]
    return found
