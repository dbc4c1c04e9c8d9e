"""DoWhy's attempts to refute the estimate of one cross-section made of the study."""

import contextlib
import dataclasses
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.firm_paths import firm_paths, primary
from evalkit.errors import EstimationError
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import any_missing, dummies, read_covariates
from evalkit.stats.least_squares import least_squares
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

QUESTION = "Does an estimate from one cross-section stand up to DoWhy's refuters?"
NAME = "refuters"
AWARD, CHANGE = "award", "change"
DRAWS = 10
"""Data sets made by each refuter. An alarm is a mean far from where it must be, in standard deviations of one draw, so
that chance hardly raises one; more draws would not change that."""
BOTH_SIDES = 2
"""Up to 99 draws DoWhy takes them as normal and gives the tail on one side."""
FEWEST = 20
INFO = {
    "no_covariates": "The data have no characteristic from before the award to hold fixed.",
    "no_base": "No firm is seen both before the first award and in the last year.",
    "few_firms": f"Fewer than {FEWEST} supported or unsupported firms have all values.",
    "collinear": "The award follows from the characteristics held fixed, or these from each other.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """Refuters of DoWhy: whether an estimate changes where it should, and stays where it should.

    A sample of firms is made into one cross-section: the change of the primary outcome from the year before the first
    award to the last year, whether the firm was supported by then, and the covariates, which act on both. DoWhy
    identifies what must be held fixed and estimates the average effect, without the weights of matching; that is not
    the study's estimate. It is then made again with awards dealt out among the firms (it must be zero), with a random
    characteristic more (it must stay), on random four fifths of the firms (it must stay), and with a random outcome (it
    must be zero). An alarm points to a defect of data or estimate; that none is raised says nothing of causes that
    nobody saw.

    Parameters
    ----------
    estimator : {"linear_regression", "propensity_weighting"}
        How DoWhy estimates: by least squares, or by weights from a logit.
    firms : int
        Most firms in the cross-section, chosen by a hash of their ids.
    alpha : float
        Level of the four tests together (Bonferroni).
    seed : int
        Of the choice of firms and of all draws.

    Reference
    ---------
    Sharma and Kiciman (2020), DoWhy: an end-to-end library for causal inference, section 3.4, on refuting estimates.
    """

    estimator: Literal["linear_regression", "propensity_weighting"] = "linear_regression"
    firms: int = 2000
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.firms < 100:
            raise ValueError("alpha must be between 0 and 1, and firms 100 or more")

    def run(self, case: Case) -> CheckResult:
        """Make the cross-section, estimate, and try to refute."""
        found = self._cross_section(case.sample)
        if isinstance(found, str):
            return _told(found)
        data, columns = found
        n_treated = int(data[AWARD].sum())
        if min(n_treated, len(data) - n_treated) < FEWEST:
            return _told("few_firms")
        ones = np.ones((len(data), 1))
        try:
            design = np.concatenate([data[[AWARD, *data.columns.drop([AWARD, CHANGE])]].to_numpy(np.float64), ones], 1)
            least_squares(design, data[CHANGE].to_numpy(np.float64), [])
        except EstimationError:
            return _told("collinear")
        with _quiet(self.seed), one_thread():
            rows = _refuted(data, columns, self.estimator, self.seed)
        return self._result(primary(case.sample.panel).name, rows, n_treated, len(data))

    def _cross_section(self, sample: MatchedSample) -> "tuple[pd.DataFrame, dict[str, list[str]]] | str":
        """Return one row per firm, and the columns of each covariate; or why there is none."""
        import pandas as pd

        panel = sample.panel
        covariates = read_covariates(panel, [c.name for c in panel.covariates])
        last = panel.periods[-1]
        supported = (panel.cohort > 0) & (panel.cohort <= last)
        base = int(panel.cohort[supported].min(initial=last + 1)) - 1 - panel.anticipation
        if not covariates:
            return "no_covariates"
        paths = firm_paths(sample, primary(panel))
        change = paths.at(last) - paths.at(max(base, panel.periods[0]))
        is_known = np.isfinite(change) & (sample.weight > 0) & ~any_missing(covariates, panel.n_firms)
        is_known &= panel.cohort <= last
        if not panel.periods[0] <= base < last or not is_known.any():
            return "no_base"
        rows = np.flatnonzero(is_known)
        rows = np.sort(rows[np.argsort(stable_hash(panel.firm, self.seed)[rows], kind="stable")[: self.firms]])
        made: dict[str, NDArray[Any]] = {AWARD: supported[rows].astype(np.int64), CHANGE: change[rows]}
        columns: dict[str, list[str]] = {}
        for place, covariate in enumerate(covariates):
            values = dummies(covariate.take(rows))
            spread = values.std(axis=0)
            kept = np.flatnonzero(spread > 0)
            columns[f"c{place}"] = [f"c{place}_{k}" for k in kept]
            made |= {f"c{place}_{k}": (values[:, k] - values[:, k].mean()) / spread[k] for k in kept}
        return pd.DataFrame(made), columns

    def _result(self, outcome: str, rows: list[dict[str, Any]], n_treated: int, n_firms: int) -> CheckResult:
        worst = min(rows, key=lambda row: float(row["p_value"]))
        alarms = sum(row["p_value"] < self.alpha / len(rows) for row in rows)
        verdict: Verdict = "warn" if alarms else "pass"
        values = {
            "case": verdict, "outcome": outcome, "n_firms": n_firms, "n_treated": n_treated,
            "n_control": n_firms - n_treated, "alpha": self.alpha, "tests": len(rows), "alarms": alarms,
            "refuter": worst["refuter"], "p_value": worst["p_value"], "effect": rows[0]["effect"],
        }  # fmt: skip
        found = f"{alarms} of {len(rows)} refuters raise an alarm, {worst['refuter']} first" if alarms else "none does"
        sentence = (
            f"DoWhy's estimate of the effect on {outcome} from {n_firms} firms is {values['effect']:.4g}; refuters "
            f"raise an alarm where it does not behave as it must: {found}."
        )
        return CheckResult(NAME, QUESTION, verdict, sentence, values, worst["p_value"], tuple(rows))


def _refuted(
    data: "pd.DataFrame", columns: dict[str, list[str]], estimator: str, seed: int
) -> list[dict[str, Any]]:  # fmt: skip
    """Let DoWhy estimate and refute."""
    from dowhy.causal_refuters.data_subset_refuter import refute_data_subset
    from dowhy.causal_refuters.dummy_outcome_refuter import refute_dummy_outcome
    from dowhy.causal_refuters.placebo_treatment_refuter import PlaceboType, refute_placebo_treatment
    from dowhy.causal_refuters.random_common_cause import refute_random_common_cause

    estimand = _identified(columns)
    # Weighting writes its scores into the data that it is given, and would take them for those of dealt-out awards.
    estimate = _estimated(data.copy(), estimand, estimator)
    spread = float(data[CHANGE].std())
    own: dict[str, tuple[Any, dict[str, Any]]] = {
        "placebo_treatment": (
            refute_placebo_treatment, {"treatment_names": [AWARD], "placebo_type": PlaceboType.PERMUTE},
        ),
        "random_common_cause": (refute_random_common_cause, {}),
        "data_subset": (refute_data_subset, {}),
        "dummy_outcome": (refute_dummy_outcome, {
            "treatment_name": [AWARD], "outcome_name": CHANGE, "required_variables": True,
            "transformation_list": [("zero", {}), ("noise", {"std_dev": spread})],
        }),
    }  # fmt: skip
    rows = []
    for name, (refute, options) in own.items():
        state = np.random.RandomState(seed)
        found = refute(data, estimand, estimate, num_simulations=DRAWS, random_state=state, n_jobs=1, **options)
        result = found[0] if isinstance(found, list) else found
        rows.append({
            "refuter": name, "effect": float(estimate.value), "effect_again": float(result.new_effect),
            "p_value": BOTH_SIDES * float(result.refutation_result["p_value"]),
        })  # fmt: skip
    return rows


def _identified(columns: dict[str, list[str]]) -> Any:  # noqa: ANN401 - a library without types
    """Ask which covariates must be held fixed, and name their columns in an order that no hash seed changes."""
    import networkx as nx
    from dowhy.causal_identifier import EstimandType, identify_effect_auto

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from([(name, end) for name in columns for end in (AWARD, CHANGE)] + [(AWARD, CHANGE)])
    estimand = identify_effect_auto(graph, [AWARD], [CHANGE], [*columns, AWARD, CHANGE], EstimandType.NONPARAMETRIC_ATE)
    estimand.set_identifier_method("backdoor")
    asked = set(estimand.get_adjustment_set())
    estimand.set_adjustment_set([column for name in columns if name in asked for column in columns[name]])
    return estimand


def _estimated(data: "pd.DataFrame", estimand: Any, name: str) -> Any:  # noqa: ANN401
    if name == "linear_regression":
        from dowhy.causal_estimators.linear_regression_estimator import LinearRegressionEstimator as Estimator
    else:
        from dowhy.causal_estimators.propensity_score_weighting_estimator import (
            PropensityScoreWeightingEstimator as Estimator,
        )
    estimator = Estimator(estimand)
    estimator.fit(data)
    return estimator.estimate_effect(data, control_value=0, treatment_value=1, target_units="ate")


@contextlib.contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """Silence DoWhy, and seed what it draws from numpy's own generator, which is left as it was."""
    log, state = logging.getLogger("dowhy"), np.random.get_state()  # noqa: NPY002
    level = log.level
    try:
        log.setLevel(logging.CRITICAL + 1)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        log.setLevel(level)


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})
