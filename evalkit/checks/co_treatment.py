"""Whether firms have other awards beside the one that is evaluated."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import StudyError, UnknownNameError, did_you_mean
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.panel import OTHER_AWARD, Panel
from evalkit.stats.balance import weighted_mean
from evalkit.stats.candidates import candidates

QUESTION = "Do comparison firms, or supported firms, have awards of other programmes?"
FAIL_ABOVE = 0.05
"""Share of comparison firms with other awards that takes a design a grade down."""
WARN_ABOVE = 0.01
DROPPED = "overlapping programmes"
"""Step of the flow in which a study has left out all firms with other awards."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Co-treatment: shares of comparison firms and of supported firms with awards of other programmes.

    A comparison firm with another award is no picture of what happens without support: effects come out too small. A
    supported firm with another award shows the effect of both. The verdict rests on the comparison firms; supported
    firms that have other awards more often than them by more than `fail_above` warn.

    Parameters
    ----------
    columns : tuple of str
        Columns of the panel that are above 0 (or true) for firms with other awards. Default: the one that `overlap =
        "mark"` makes of the awards themselves.
    warn_above : float
        Largest share of comparison firms that passes.
    fail_above : float
        Largest share that does not fail.

    Reference
    ---------
    Guerzoni and Raiteri (2015), Demand-side vs. supply-side technology policies: hidden treatment and new empirical
    evidence on the policy mix, Research Policy 44(3).
    """

    is_design = True

    columns: tuple[str, ...] = ()
    warn_above: float = WARN_ABOVE
    fail_above: float = FAIL_ABOVE

    def __post_init__(self) -> None:
        if not 0 <= self.warn_above <= self.fail_above < 1:
            raise ValueError("warn_above and fail_above must be shares, the first one the smaller")

    def run(self, case: Case) -> CheckResult:
        """Count firms with other awards by group.

        Raises
        ------
        UnknownNameError, StudyError
            The panel has no such column, or it holds text (`E_OPTION`).
        """
        panel, weight = case.sample.panel, case.sample.weight
        columns = self.columns or tuple(c for c in (OTHER_AWARD,) if c in panel.column_names)
        if not columns and not any(step.step == DROPPED for step in panel.flow.steps):
            sentence = "The study does not look at awards of other programmes, so nothing is known of them."
            return CheckResult("co_treatment", QUESTION, "info", sentence, {"case": "not_known"})
        firms = candidates(panel)
        groups = [group & (weight > 0) for group in (firms.treated, firms.control)]
        if not all(group.any() for group in groups):
            sentence = "There are no supported or no never-supported firms whose other awards could be counted."
            return CheckResult("co_treatment", QUESTION, "info", sentence, {"case": "no_groups"})
        is_other = _marked(panel, columns)
        rows = tuple(
            _row(is_other & (panel.cohort == g), panel.cohort == g, weight, g) for g in _cohorts(panel, groups)
        )
        return self._result(is_other, groups, weight, rows)

    def _result(
        self, is_other: NDArray[np.bool_], groups: list[NDArray[np.bool_]], weight: NDArray[np.float64],
        rows: tuple[dict[str, Any], ...],
    ) -> CheckResult:  # fmt: skip
        treated, control = (weighted_mean(is_other[own].astype(np.float64), weight[own]) for own in groups)
        kind, verdict = self._judged(treated, control)
        sentence = (
            f"{control:.1%} of comparison firms and {treated:.1%} of supported firms have awards of other programmes; "
            f"more than {self.fail_above:.0%} of comparison firms fails."
        )
        counts = {name: int(own.sum()) for name, own in zip(("n_treated", "n_control"), groups, strict=True)}
        others = {f"{name}_other": int((is_other & own).sum()) for name, own in zip(counts, groups, strict=True)}
        values = {
            "case": kind, "share_treated": treated, "share_control": control, **counts, **others,
            "warn_above": self.warn_above, "fail_above": self.fail_above,
        }  # fmt: skip
        return CheckResult("co_treatment", QUESTION, verdict, sentence, values, control, rows)

    def _judged(self, treated: float, control: float) -> tuple[str, Verdict]:
        if control > self.fail_above:
            return "fail", "fail"
        if control > self.warn_above:
            return "warn", "warn"
        return ("treated", "warn") if treated - control > self.fail_above else ("pass", "pass")


def _marked(panel: Panel, columns: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return the firms (n_firms,) with a mark in any of the columns; a null is none."""
    import pyarrow as pa

    marked = np.zeros(panel.n_firms, dtype=bool)
    for name in columns:
        if name not in panel.column_names:
            raise UnknownNameError(
                f"the panel has no column '{name}'", where="columns", hint=did_you_mean(name, panel.column_names)
            )
        column = panel.read([name]).column(0)
        if not (
            pa.types.is_boolean(column.type) or pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        ):
            raise StudyError(f"column '{name}' holds no numbers", where="columns", code="E_OPTION")
        marked |= column.cast(pa.float64()).fill_null(0.0).to_numpy() > 0
    return marked


def _cohorts(panel: Panel, groups: list[NDArray[np.bool_]]) -> list[int]:
    return [int(g) for g in np.unique(panel.cohort[groups[0]])]


def _row(
    is_other: NDArray[np.bool_], own: NDArray[np.bool_], weight: NDArray[np.float64], cohort: int
) -> dict[str, Any]:  # fmt: skip
    kept = own & (weight > 0)
    return {
        "cohort": cohort, "n_treated": int(kept.sum()), "n_treated_other": int((is_other & kept).sum()),
        "share_treated": weighted_mean(is_other[kept].astype(np.float64), weight[kept]),
    }  # fmt: skip
