"""Covariate balancing propensity score."""

import dataclasses

import numpy as np

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.comparable import comparable
from evalkit.stats.pairs import pair_table
from evalkit.stats.propensity import expit
from evalkit.stats.regressors import regressors
from evalkit.stats.tilting import tilt
from evalkit.stats.weights import require_effective


@dataclasses.dataclass(frozen=True)
class Method:
    """Covariate balancing propensity score: a logit whose weights balance all covariates exactly.

    The coefficients solve the balance conditions of the effect on the treated, as many as there are coefficients,
    instead of the likelihood's: controls weighted by score / (1 - score) have the means of the treated firms. These
    weights equal those of entropy balancing of the means; in addition every firm gets a score, so that overlap can be
    looked at. Firms at a level where the other group does not occur are dropped first. Standard errors take the weights
    as given.

    Parameters
    ----------
    covariates : tuple of str
        Covariates of the propensity score. Default: all covariates of the panel.

    Reference
    ---------
    Imai and Ratkovic (2014), Covariate balancing propensity score, equations 9 to 11 (just-identified, effect on the
    treated). Equality with entropy balancing: Zhao and Percival (2017), Entropy balancing is doubly robust.
    """

    covariates: tuple[str, ...] = ()

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:  # noqa: ARG002 - one signature for all methods
        """Return the treated firms, and the controls weighted by the odds of their score.

        Raises
        ------
        DesignError
            No treated firm or no control; covariates that are collinear or separate the groups; means of the treated
            firms that no score can balance (`E_NO_OVERLAP`); too few controls carry the weight.
        UnknownNameError
            Not a covariate of the panel.
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        found = comparable(panel, names)
        rows = found.firms.rows
        x, constant = regressors([found.covariates[name].take(rows) for name in names])
        if len(x.names) == 1:
            raise DesignError(
                "no covariate varies between firms, so there is no propensity score", code="E_NO_COVARIATE"
            )
        balanced = tilt(x, found.firms.treated[rows])
        weight = np.where(found.firms.treated, 1.0, 0.0)
        weight[rows] += balanced.weight
        require_effective(weight[found.firms.control])
        distance = np.full(panel.n_firms, np.nan)
        distance[rows] = expit(balanced.predictor)
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=np.full(panel.n_firms, -1, dtype=np.int32),
            distance=distance,
            reason=found.firms.drop(weight == 0, "not_matched").reason,
            pairs=pair_table(),
            method="cbps",
            options={"covariates": names},
            estimand=found.estimand(),
            notes=found.notes(constant),
        )
