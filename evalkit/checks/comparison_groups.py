"""The same effect against several comparison groups."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.pooled import name_in, of_group, pooled
from evalkit.errors import DesignError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.stats.aggregate import aggregate
from evalkit.stats.wald import wald

QUESTION = "Is the effect the same against every comparison group?"


@dataclasses.dataclass(frozen=True)
class Method:
    """Comparison groups: the effect against each named group of untreated firms, and a test that all agree.

    Each group is matched as the study's sample was, and the first estimate is made again against all of them together,
    so that their covariance is known: they share the treated firms. Groups that are alike in other ways than the award
    have other biases; where their effects agree, these are small or the same. A primary outcome on which groups
    disagree warns, and fails where two groups say the opposite.

    Parameters
    ----------
    alpha : float
        Level of the test.

    Reference
    ---------
    Rosenbaum (1987), The role of a second control group in an observational study, Statistical Science 2(3); Wooldridge
    (2010), Econometric Analysis of Cross Section and Panel Data, section 4.2.3 (the test).
    """

    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")

    def run(self, case: Case) -> CheckResult:
        """Match and estimate against each group."""
        panel = case.sample.panel
        if not panel.pool:
            return _info("no_groups", "The study names no comparison groups.")
        groups = sorted({g for g in panel.read([panel.pool]).column(0).to_pylist() if g})
        if len(groups) < 2 or not case.effects:
            return _info("one_group", "There is one comparison group, so there is nothing to compare it with.")
        found = self._effects(case, panel, groups)
        tests = [self._test(found, o.name, groups) for o in panel.outcomes]
        return self._result(panel, tests, _rows(found, panel, groups))

    def _effects(self, case: Case, panel: Panel, groups: list[str]) -> Effects:
        """Return the overall effects on all outcomes against all groups.

        Raises
        ------
        DesignError
            A group has no firm to compare; it is named.
        """
        samples = {}
        for group in groups:
            own, rows = of_group(panel, group)
            try:
                samples[group] = case.match_again(own, case.sample), rows
            except DesignError as error:
                problem = f"comparison group '{group}': {error.problem}"
                raise DesignError(problem, where=error.where, code=error.code, hint=error.hint) from None
        return aggregate(case.estimate_again(pooled(panel, samples), case.effects[0]))

    def _test(self, found: Effects, outcome: str, groups: list[str]) -> dict[str, Any]:
        """Test that the effects on one outcome agree."""
        names = [name_in(outcome, group) for group in groups]
        place = [found.table["outcome"].tolist().index(name) for name in names]
        table, vcov = found.table.iloc[place], found.vcov[np.ix_(place, place)]
        estimate: NDArray[np.float64] = table["estimate"].to_numpy(dtype=np.float64)
        apart = np.eye(len(groups))[1:] - np.eye(len(groups))[0]
        statistic, dof, p_value = wald(apart @ estimate, apart @ vcov @ apart.T)
        is_opposite = bool((table["conf_low"] > 0).any() and (table["conf_high"] < 0).any())
        return {
            "outcome": outcome, "statistic": statistic, "dof": dof, "p_value": p_value, "is_opposite": is_opposite,
            "lowest": groups[int(estimate.argmin())], "highest": groups[int(estimate.argmax())],
        }  # fmt: skip

    def _result(self, panel: Panel, tests: list[dict[str, Any]], rows: tuple[dict[str, Any], ...]) -> CheckResult:
        primary = {o.name for o in panel.outcomes if o.primary} or {panel.outcomes[0].name}
        main = [t for t in tests if t["outcome"] in primary]
        worst = min(main, key=lambda t: float(t["p_value"]))
        rejected = [t for t in main if t["p_value"] < self.alpha]
        verdict: Verdict = "fail" if any(t["is_opposite"] for t in rejected) else "warn" if rejected else "pass"
        n_groups = len(rows) // len(tests)
        says = {"pass": "agree", "warn": "do not agree", "fail": "say the opposite of each other"}[verdict]
        p_value = f"p = {worst['p_value']:.3f}" if worst["p_value"] >= 0.001 else "p < 0.001"
        sentence = (
            f"The effects on {worst['outcome']} against {n_groups} comparison groups {says}: "
            f"chi2({worst['dof']}) = {worst['statistic']:.2f}, {p_value}."
        )
        shown = {k: v for k, v in worst.items() if k != "is_opposite"}
        values = {"case": verdict, "alpha": self.alpha, "compared": str(n_groups), **shown}
        return CheckResult("comparison_groups", QUESTION, verdict, sentence, values, worst["p_value"], rows)


def _rows(found: Effects, panel: Panel, groups: list[str]) -> tuple[dict[str, Any], ...]:
    """Return one row for each outcome and group."""
    columns = ["estimate", "conf_low", "conf_high", "n_treated", "n_control"]
    by_name = dict(zip(found.table["outcome"], found.table[columns].to_dict("records"), strict=True))
    return tuple(
        {"outcome": outcome.name, "comparison": group, **by_name[name_in(outcome.name, group)]}
        for outcome in panel.outcomes
        for group in groups
    )


def _info(case: str, sentence: str) -> CheckResult:
    return CheckResult("comparison_groups", QUESTION, "info", sentence, {"case": case})
