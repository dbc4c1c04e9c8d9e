"""Weighting by the propensity score."""

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import Candidates
from evalkit.stats.comparable import Comparable, comparable
from evalkit.stats.pairs import pair_table
from evalkit.stats.propensity import expit
from evalkit.stats.scores import Model, propensity_scores
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.weights import effective_number, require_effective

Estimand = Literal["att", "ate", "ato", "atm"]


@dataclasses.dataclass(frozen=True)
class Method:
    """Inverse-probability weighting: each firm is weighted by its propensity score, for the effect asked for.

    With e the score, treated firms and controls get 1 and e/(1-e) for the effect on the treated (att), 1/e and 1/(1-e)
    for that on all firms (ate), 1-e and e for that on firms that could be in either group (ato, overlap weights), and
    min(e, 1-e) over e and 1-e for that on firms that could be matched (atm, matching weights). Weights of each group
    then sum to the number of treated firms. Standard errors take the weights as given.

    Parameters
    ----------
    estimand : {"att", "ate", "ato", "atm"}
        Whose effect.
    model : {"logit", "probit", "boosting"}
        Propensity score: a logit or probit, or gradient-boosted trees with scores from firms outside the fold.
    covariates : tuple of str
        Covariates of the propensity score. Default: all covariates of the panel.
    trim : float
        Firms with a score above 1 - trim, or below trim unless the estimand is att, are dropped. Default: none.
    stabilised : bool
        Whether each group's weights sum to the number of its own firms instead.

    Reference
    ---------
    Hirano, Imbens and Ridder (2003), Efficient estimation of average treatment effects using the estimated propensity
    score; Li, Morgan and Zaslavsky (2018), Balancing covariates via propensity score weighting (ato); Li and Greene
    (2013), A weighting analogue to pair matching (atm). Trimming: Crump, Hotz, Imbens and Mitnik (2009).
    """

    estimand: Estimand = "att"
    model: Model = "logit"
    covariates: tuple[str, ...] = ()
    trim: float | None = None
    stabilised: bool = False

    def __post_init__(self) -> None:
        if self.trim is not None and not 0 < self.trim < 0.5:
            raise ValueError("trim must be above 0 and below 0.5")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return all firms that have a score, weighted.

        Raises
        ------
        DesignError
            No treated firm or no control; covariates that are collinear or separate the groups; no firm of a group
            left by trimming (`E_NO_OVERLAP`); too few controls carry the weight (`E_TOO_FEW_CONTROLS`).
        UnknownNameError
            Not a covariate of the panel.
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        found = comparable(panel, names)
        rows = found.firms.rows
        scores = propensity_scores(
            [found.covariates[name].take(rows) for name in names],
            found.firms.treated[rows],
            self.model,
            stable_hash(panel.firm, seed)[rows],
        )
        logit = np.full(panel.n_firms, np.nan)
        logit[rows] = scores.predictor
        kept = self._trimmed(found.firms, expit(logit))
        weight = np.zeros(panel.n_firms)
        n_treated = int(kept.treated.sum())
        for group, sign in ((kept.treated, 1.0), (kept.control, -1.0)):
            own = tilting_weight(sign * logit[group], self.estimand, is_treated=sign > 0)
            total = int(group.sum()) if self.stabilised else n_treated
            weight[group] = own if self.estimand == "att" and sign > 0 else own * (total / own.sum())
        require_effective(weight[kept.control])
        notes = found.notes(scores.constant)
        if self.estimand != "att":
            notes += (f"effective_treated:{effective_number(weight[kept.treated]):.0f}",)
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=np.full(panel.n_firms, -1, dtype=np.int32),
            distance=expit(logit),
            reason=kept.reason,
            pairs=pair_table(),
            method="ipw",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand=self._left(found, kept),
            notes=notes,
        )

    def _trimmed(self, firms: Candidates, score: NDArray[np.float64]) -> Candidates:
        if self.trim is None:
            return firms
        out = score > 1.0 - self.trim
        if self.estimand != "att":
            out |= score < self.trim
        kept = firms.drop(out, "extreme_score")
        if not (kept.treated.any() and kept.control.any()):
            share = float(out[firms.rows].mean())
            raise DesignError(
                f"trimming leaves no firm of one group: {share:.0%} of scores are extreme",
                code="E_NO_OVERLAP",
                hint="trim less, or use overlap weights (estimand 'ato')",
            )
        return kept

    def _left(self, found: Comparable, kept: Candidates) -> str:
        """Return the estimand that is left once firms were dropped."""
        if self.estimand == "att":
            return found.estimand(kept)
        is_whole = len(kept.rows) == len(found.asked.rows)
        return "ate_matched" if self.estimand == "ate" and not is_whole else self.estimand


def tilting_weight(own_logit: NDArray[np.float64], estimand: Estimand, *, is_treated: bool) -> NDArray[np.float64]:
    """Return weights before normalisation.

    Parameters
    ----------
    own_logit : (n,) float64
        Logit of each firm's chance to be in the group that it is in.
    estimand : {"att", "ate", "ato", "atm"}
        Whose effect.
    is_treated : bool
        Which group it is.
    """
    odds_of_other = np.exp(-own_logit)
    if estimand == "att":
        return np.ones_like(own_logit) if is_treated else odds_of_other
    if estimand == "ate":
        return 1.0 + odds_of_other
    if estimand == "ato":
        return expit(-own_logit)
    return np.minimum(1.0, odds_of_other)
