"""Subclassification on the propensity score."""

import dataclasses

import numpy as np

from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.comparable import comparable
from evalkit.stats.pairs import pair_table
from evalkit.stats.scores import Model, propensity_scores
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.strata import stratify
from evalkit.stats.subclasses import subclasses
from evalkit.stats.support import Discard, outside_support


@dataclasses.dataclass(frozen=True)
class Method:
    """Subclassification: treated firms are compared with the controls of their class of propensity scores.

    Classes are cut so that each has about as many treated firms (effect on the treated). Controls of a class are
    weighted so that they count as much as its treated firms. A class without enough firms of a group takes those with
    the nearest scores from its neighbours. Firms at a level of a category that only treated or only untreated firms
    have are dropped first.

    Parameters
    ----------
    covariates : tuple of str
        Covariates of the propensity score. Default: all covariates of the panel.
    subclass : int
        Number of classes.
    min_n : int
        Fewest treated firms and fewest controls in a class. 0: classes without one of the groups are dropped.
    model : {"logit", "probit", "boosting"}
        Propensity score: a logit or probit, or gradient-boosted trees with scores from firms outside the fold.
    discard : {"none", "treated", "control", "both"}
        Drop firms of these groups whose score is outside the range of the other group's scores.

    Reference
    ---------
    Rosenbaum and Rubin (1984), Reducing bias in observational studies using subclassification on the propensity score.
    Weights for the effect on the treated: Stuart (2010), Matching methods for causal inference, section 5.2.
    """

    covariates: tuple[str, ...] = ()
    subclass: int = 6
    min_n: int = 1
    model: Model = "logit"
    discard: Discard = "none"

    def __post_init__(self) -> None:
        if self.subclass < 2:
            raise ValueError("subclass must be 2 or more")
        if self.min_n < 0:
            raise ValueError("min_n must be 0 or more")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the firms of the classes that have both treated firms and controls.

        Raises
        ------
        DesignError
            No treated firm or no control, covariates that are collinear or separate the groups, or fewer firms of a
            group than the classes need (`E_TOO_FEW_TREATED`, `E_TOO_FEW_CONTROLS`).
        UnknownNameError
            Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        found = comparable(panel, names)
        key = stable_hash(panel.firm, seed)
        rows = found.firms.rows
        covariates = [found.covariates[name].take(rows) for name in names]
        scores = propensity_scores(covariates, found.firms.treated[rows], self.model, key[rows])
        distance = np.full(panel.n_firms, np.nan)
        distance[rows] = scores.score
        firms = outside_support(found.firms, distance, self.discard)
        rows = firms.rows
        stratum = np.full(panel.n_firms, -1)
        stratum[rows] = subclasses(distance[rows], firms.treated[rows], key[rows], self.subclass, self.min_n)
        strata = stratify(firms, stratum, "ask for fewer subclasses")
        n_outside = int((firms.reason == "outside_support").sum())
        notes = found.notes(scores.constant)
        return MatchedSample(
            panel=panel,
            weight=strata.weight,
            subclass=strata.subclass,
            distance=distance,
            reason=strata.kept.reason,
            pairs=pair_table(),
            method="subclass",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand=found.estimand(strata.kept),
            notes=(*notes, f"outside_support:{n_outside}") if n_outside else notes,
        )
