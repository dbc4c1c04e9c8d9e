"""Nearest-neighbour matching on the propensity score."""

import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import Candidates, candidates
from evalkit.stats.covariates import Covariate, any_missing, cells, read_covariates
from evalkit.stats.neighbours import Neighbours, Points, Rules, nearest_neighbours
from evalkit.stats.pairs import pair_table, pair_weights
from evalkit.stats.propensity import expit, fit_logit, one_sided, separated_by, separating
from evalkit.stats.regressors import regressors
from evalkit.stats.stable_hash import stable_hash

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class Method:
    """Nearest-neighbour matching: each treated firm gets the untreated firms with the closest propensity score.

    The score is a logit of treatment on the covariates. Matching is greedy: treated firms choose one after the other,
    and all get a first control before anyone gets a second. Ties are broken by a hash of firm id and seed. Firms at a
    level of a category that only treated or only untreated firms have are dropped first: their score is 0 or 1.

    Parameters
    ----------
    exact : tuple of str
        Covariates whose values must be equal within a pair.
    covariates : tuple of str
        Covariates of the propensity score. Default: all covariates of the panel.
    distance : {"logit_score", "score"}
        Distance on the logit of the propensity score, or on the score itself.
    caliper : float
        Largest distance of a pair, in standard deviations of the distance measure over all firms. Default: none.
    ratio : int
        Controls wanted per treated firm.
    replace : bool
        Whether a control may serve several treated firms.
    reuse_max : int
        With replacement, how many treated firms one control may serve. Default: any number.
    order : {"largest", "smallest", "random"}
        Which treated firm chooses first: largest score, smallest score, or by the hash of firm id and seed.

    Reference
    ---------
    Rosenbaum and Rubin (1985), Constructing a control group using multivariate matched sampling methods that
    incorporate the propensity score. Caliper: Austin (2011), Optimal caliper widths for propensity-score matching.
    """

    exact: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    distance: Literal["logit_score", "score"] = "logit_score"
    caliper: float | None = None
    ratio: int = 1
    replace: bool = False
    reuse_max: int | None = None
    order: Literal["largest", "smallest", "random"] = "largest"

    def __post_init__(self) -> None:
        if self.ratio < 1:
            raise ValueError("ratio must be 1 or more")
        if self.caliper is not None and not 0 < self.caliper < np.inf:
            raise ValueError("caliper must be above 0")
        if self.reuse_max is not None and (self.reuse_max < 1 or not self.replace):
            raise ValueError("reuse_max must be 1 or more, and needs replace = true")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the treated firms that found a control, with their controls.

        Raises
        ------
        DesignError
            No treated firm or no control, too few controls, covariates that are collinear or separate the groups, or
            no treated firm with a control within the caliper.
        UnknownNameError
            Not a covariate of the panel.
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        known = {c.name: c for c in read_covariates(panel, dict.fromkeys((*names, *self.exact)))}
        asked = candidates(panel).required()
        eligible = asked.drop(any_missing(list(known.values()), panel.n_firms), "missing_covariate").required()
        eligible, one_sided_names = _with_both_groups([known[name] for name in names], eligible)
        self._require_enough(eligible)

        rows = eligible.rows
        predictor, constant_names = _predictor([known[name].take(rows) for name in names], eligible.treated[rows])
        score = predictor if self.distance == "logit_score" else expit(predictor)
        cell = cells([known[name] for name in self.exact], rows)
        points = Points(score, cell, stable_hash(panel.firm, seed)[rows])
        caliper = np.inf if self.caliper is None else self.caliper * float(score.std(ddof=1))
        found = self._neighbours(points, eligible.treated[rows], caliper)

        distance = np.full(panel.n_firms, np.nan)
        distance[rows] = score
        pairs, weight, subclass = _pairs(found, eligible, distance)
        kept = _with_reasons(eligible, cell, found.gap, caliper, weight > 0)
        notes = [f"one_sided_level:{name}" for name in one_sided_names]
        notes += [f"constant_covariate:{name}" for name in constant_names]
        if self.replace:
            notes.append(f"max_reuse:{np.bincount(found.control).max()}")
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=subclass,
            distance=distance,
            reason=kept.reason,
            pairs=pairs,
            method="nearest",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand="att" if kept.treated.sum() == asked.treated.sum() else "att_matched",
            notes=tuple(notes),
        )

    def _require_enough(self, eligible: Candidates) -> None:
        n_treated, n_control = int(eligible.treated.sum()), int(eligible.control.sum())
        if not self.replace and self.ratio * n_treated > n_control:
            raise DesignError(
                f"{n_treated:,} treated firms x ratio {self.ratio} need more than the {n_control:,} controls there are",
                code="E_TOO_FEW_CONTROLS",
                hint="lower the ratio, or let controls serve several treated firms with replace = true",
            )

    def _neighbours(self, points: Points, is_treated: NDArray[np.bool_], caliper: float) -> Neighbours:
        capacity = self.reuse_max if self.replace else 1
        rules = Rules(self.ratio, caliper, capacity, self.order)
        found = nearest_neighbours(points.take(is_treated), points.take(~is_treated), rules)
        if not len(found.treated):
            n_alone = int(np.isinf(found.gap).sum())
            raise DesignError(
                f"no treated firm has a comparable control: of {len(found.gap):,}, {n_alone:,} have none in their cell "
                f"and {len(found.gap) - n_alone:,} none within the caliper (100% outside)",
                code="E_NO_OVERLAP",
                hint="widen the caliper, or ask for fewer exact covariates",
            )
        return found


def _with_both_groups(covariates: list[Covariate], eligible: Candidates) -> tuple[Candidates, list[str]]:
    """Drop firms at levels that only one group has, until none is left; and name the covariates concerned."""
    concerned: dict[str, None] = {}
    while True:
        before = eligible
        for covariate in covariates:
            out = one_sided(covariate, eligible.treated, eligible.control)
            if (out & (eligible.treated | eligible.control)).any():
                concerned[covariate.name] = None
                eligible = eligible.drop(out & eligible.treated, "no_control_in_cell")
                eligible = eligible.drop(out & eligible.control, "no_treated_in_cell")
                if not eligible.treated.any():
                    raise separated_by(list(concerned))
        if eligible is before:
            return eligible, list(concerned)


def _predictor(covariates: list[Covariate], treated: NDArray[np.bool_]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the logit of each firm's propensity score, and the covariates left out because they are constant."""
    x, constant = regressors(covariates)
    varying = [c for c in covariates if c.name not in constant]
    if not varying:
        raise DesignError(
            "no covariate varies between firms, so there is no propensity score",
            code="E_NO_COVARIATE",
            hint="give the panel baseline covariates, or match with method 'none'",
        )
    separates = separating(varying, treated)
    if separates:
        raise separated_by(separates)
    return fit_logit(x, treated).predictor, constant


def _pairs(
    found: Neighbours, eligible: Candidates, distance: NDArray[np.float64]
) -> "tuple[pa.Table, NDArray[np.float64], NDArray[np.int32]]":
    """Return the pairs table sorted by treated firm and turn, and the weights and matched sets it implies."""
    treated = np.flatnonzero(eligible.treated)[found.treated]
    control = np.flatnonzero(eligible.control)[found.control]
    by_firm = np.lexsort((found.turn, treated))
    treated, control, turn = treated[by_firm], control[by_firm], found.turn[by_firm]
    weight, subclass = pair_weights(treated, control, len(distance))
    gap = np.abs(distance[treated] - distance[control])
    return pair_table(treated, control, gap, subclass[treated], turn), weight, subclass


def _with_reasons(
    eligible: Candidates,
    cell: NDArray[np.int64],
    gap: NDArray[np.float64],
    caliper: float,
    is_matched: NDArray[np.bool_],
) -> Candidates:
    """Say of every firm that was not matched why."""
    nearest = np.zeros(len(is_matched))
    nearest[eligible.treated] = gap
    in_cell = np.zeros(len(is_matched), dtype=np.int64)
    in_cell[eligible.rows] = cell
    has_treated = np.bincount(in_cell[eligible.treated], minlength=int(cell.max()) + 1) > 0
    return (
        eligible.drop(eligible.control & ~has_treated[in_cell], "no_treated_in_cell")
        .drop(np.isinf(nearest), "no_control_in_cell")
        .drop(nearest > caliper, "outside_caliper")
        .drop(eligible.treated & ~is_matched, "no_control_left")
        .drop(~is_matched, "not_matched")
    )
