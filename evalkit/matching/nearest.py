"""Nearest-neighbour matching on the propensity score, or on the covariates themselves."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, StudyError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.candidates import Candidates
from evalkit.stats.comparable import Comparable, comparable
from evalkit.stats.covariates import cells
from evalkit.stats.distances import places
from evalkit.stats.limits import Limit, Limits
from evalkit.stats.neighbours import Neighbours, nearest_neighbours
from evalkit.stats.pairing import Pairing
from evalkit.stats.pairs import pair_table, pair_weights
from evalkit.stats.points import Points
from evalkit.stats.scores import Model, propensity_scores
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.support import outside_support
from evalkit.stats.weights import effective_number, require_effective

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class Method(Pairing):
    """Nearest-neighbour matching: each treated firm gets the untreated firms that are closest to it.

    Distance is that of propensity scores, or of the covariates themselves. Matching is greedy: treated firms choose one
    after the other, and all get a first control before anyone gets a second. Firms at a level of a category that only
    treated or only untreated firms have are dropped first. With replacement, controls that together count as fewer than
    10 equally weighted firms are refused.

    Parameters
    ----------
    exact : tuple of str
        Covariates whose values must be equal within a pair.
    antiexact : tuple of str
        Covariates whose values must differ within a pair.
    covariates : tuple of str
        Covariates of the propensity score and of the distance. Default: all covariates of the panel.
    distance : {"logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"}
        Distance on the logit of the propensity score; on the score itself; Mahalanobis, with the covariance pooled
        within the groups; Mahalanobis on ranks; or Euclidean in the covariates' units, levels of a category 1 apart.
    model : {"logit", "probit", "boosting"}
        Propensity score: a logit or probit, or gradient-boosted trees with scores from firms outside the fold.
    caliper : float
        Largest difference of the propensity score within a pair, in standard deviations over all firms; of its logit
        unless distance is "score". Default: none.
    calipers : dict of str to float
        Largest difference of numbers within a pair, by covariate, in its unit.
    discard : {"none", "treated", "control", "both"}
        Drop firms of these groups whose score is outside the range of the other group's scores.

    Reference
    ---------
    Rosenbaum and Rubin (1985), Constructing a control group using multivariate matched sampling methods that
    incorporate the propensity score. Caliper: Austin (2011), Optimal caliper widths for propensity-score matching.
    """

    exact: tuple[str, ...] = ()
    antiexact: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    distance: Literal["logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"] = "logit_score"
    model: Model = "logit"
    caliper: float | None = None
    calipers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    discard: Literal["none", "treated", "control", "both"] = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = [*self.calipers.values(), *([] if self.caliper is None else [self.caliper])]
        if any(not 0 < width < np.inf for width in widths):
            raise ValueError("a caliper must be above 0")
        if self.m_order in ("largest", "smallest") and not self._needs_score:
            raise ValueError(f"m_order '{self.m_order}' needs a distance on the propensity score, or a caliper on it")

    @property
    def _is_on_score(self) -> bool:
        return self.distance in ("logit_score", "score")

    @property
    def _needs_score(self) -> bool:
        return self._is_on_score or self.caliper is not None or self.discard != "none" or self.max_controls is not None

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the treated firms that found a control, with their controls.

        Raises
        ------
        DesignError
            No treated firm or no control, too few controls, covariates that are collinear or separate the groups, no
            treated firm with a control within the calipers, or too few controls that carry the weight.
        UnknownNameError
            Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
        """
        names = self.covariates or tuple(c.name for c in panel.covariates)
        found = comparable(panel, names, others=(*self.exact, *self.antiexact, *self.calipers))
        key = np.arange(panel.n_firms, dtype=np.uint64) if self.ties == "first" else stable_hash(panel.firm, seed)
        score, no_score = self._score(found, names, stable_hash(panel.firm, seed) if self.model == "boosting" else key)
        width = np.inf if self.caliper is None else self.caliper * float(np.std(score[found.firms.rows], ddof=1))
        firms = outside_support(found.firms, score, self.discard)
        place, no_place = self._place(found, names, firms)
        rows = firms.rows
        is_treated = firms.treated[rows]
        points = Points(score[rows], cells([found.covariates[name] for name in self.exact], rows), key[rows], place)
        n_short = self.n_short_cells(points.cell, is_treated)
        self.require_supply(int(is_treated.sum()), int((~is_treated).sum()), n_short if self.exact else 0)
        made = self._neighbours(points, is_treated, width, self._limits(found, firms, score, width))
        pairs, weight, subclass = _pairs(made, firms, _gap(points, is_treated, made))
        kept = _with_reasons(firms, points.cell, made.gap, width if self._is_on_score else np.inf, weight > 0)
        notes = (*found.notes(no_score or no_place), *self._notes(firms, weight, pairs))
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=subclass,
            distance=score,
            reason=kept.reason,
            pairs=pairs,
            method="nearest",
            options={**dataclasses.asdict(self), "covariates": names},
            estimand=found.estimand(kept),
            notes=(*notes, f"short_cells:{n_short}") if n_short else notes,
        )

    def _score(
        self, found: Comparable, names: Sequence[str], key: NDArray[np.uint64]
    ) -> tuple[NDArray[np.float64], Sequence[str]]:
        """Return the score of each firm (n_firms,), or its logit, NaN when none is needed; and what is constant."""
        score = np.full(len(key), np.nan)
        if not self._needs_score:
            return score, ()
        rows = found.firms.rows
        covariates = [found.covariates[name].take(rows) for name in names]
        scores = propensity_scores(covariates, found.firms.treated[rows], self.model, key[rows])
        score[rows] = scores.score if self.distance == "score" else scores.predictor
        return score, scores.constant

    def _place(
        self, found: Comparable, names: Sequence[str], firms: Candidates
    ) -> tuple[NDArray[np.float64] | None, Sequence[str]]:
        """Return the place of each firm that is left (None on the score); covariances are those of all firms."""
        if self.distance == "logit_score" or self.distance == "score":  # noqa: PLR1714 - narrows the type
            return None, ()
        rows = found.firms.rows
        covariates = [found.covariates[name].take(rows) for name in names]
        place, constant = places(covariates, found.firms.treated[rows], self.distance)
        return place[(firms.treated | firms.control)[rows]], constant

    def _limits(self, found: Comparable, firms: Candidates, score: NDArray[np.float64], width: float) -> Limits:
        """Return what a pair must fulfil beside being near on the distance."""
        numbers = [(found.covariates[name], width) for name, width in self.calipers.items()]
        categories = [c.name for c, _ in numbers if c.levels is not None]
        if categories:
            raise StudyError(
                f"a caliper needs a number, not a category: {', '.join(categories)}",
                where="calipers",
                code="E_OPTION",
                hint="ask for equal values with 'exact'",
            )
        asked: list[tuple[NDArray[Any], float | None]] = [(c.values, width) for c, width in numbers]
        asked += [(found.covariates[name].values, None) for name in self.antiexact]
        if not self._is_on_score and self.caliper is not None:
            asked.append((score, width))
        return Limits(tuple(Limit(values[firms.treated], values[firms.control], width) for values, width in asked))

    def _neighbours(self, points: Points, is_treated: NDArray[np.bool_], width: float, limits: Limits) -> Neighbours:
        treated = points.take(is_treated)
        rules = self.rules(treated, width if self._is_on_score else np.inf, limits)
        found = nearest_neighbours(treated, points.take(~is_treated), rules)
        if not len(found.treated):
            n_alone = int(np.isinf(found.gap).sum())
            raise DesignError(
                f"no treated firm has a comparable control: of {len(found.gap):,}, {n_alone:,} have none in their cell "
                f"and {len(found.gap) - n_alone:,} none within the calipers (100% outside)",
                code="E_NO_OVERLAP",
                hint="widen the calipers, or ask for fewer exact covariates",
            )
        return found

    def _notes(self, firms: Candidates, weight: NDArray[np.float64], pairs: "pa.Table") -> list[str]:
        """Return the caveats on support and on controls that serve several treated firms; too few are refused."""
        n_outside = int((firms.reason == "outside_support").sum())
        notes = [f"outside_support:{n_outside}"] if n_outside else []
        if self.replace:
            own = weight[firms.control]
            require_effective(own)
            notes.append(f"max_reuse:{np.bincount(pairs['control'].to_numpy()).max()}")
            notes.append(f"effective_controls:{effective_number(own):.0f}")
        return notes


def _gap(points: Points, is_treated: NDArray[np.bool_], made: Neighbours) -> NDArray[np.float64]:
    """Return the distance of each pair, in the order in which they were made."""
    at = points.score[:, None] if points.place is None else points.place
    apart = at[np.flatnonzero(is_treated)[made.treated]] - at[np.flatnonzero(~is_treated)[made.control]]
    return np.asarray(np.sqrt((apart**2).sum(axis=1)))


def _pairs(
    found: Neighbours, firms: Candidates, gap: NDArray[np.float64]
) -> "tuple[pa.Table, NDArray[np.float64], NDArray[np.int32]]":
    """Return the pairs table sorted by treated firm and turn, and the weights and matched sets it implies."""
    treated = np.flatnonzero(firms.treated)[found.treated]
    control = np.flatnonzero(firms.control)[found.control]
    by_firm = np.lexsort((found.turn, treated))
    treated, control, turn = treated[by_firm], control[by_firm], found.turn[by_firm]
    weight, subclass = pair_weights(treated, control, len(firms.treated))
    return pair_table(treated, control, gap[by_firm], subclass[treated], turn), weight, subclass


def _with_reasons(
    firms: Candidates,
    cell: NDArray[np.int64],
    gap: NDArray[np.float64],
    caliper: float,
    is_matched: NDArray[np.bool_],
) -> Candidates:
    """Say of every firm that was not matched why."""
    nearest = np.zeros(len(is_matched))
    nearest[firms.treated] = gap
    in_cell = np.zeros(len(is_matched), dtype=np.int64)
    in_cell[firms.rows] = cell
    has_treated = np.bincount(in_cell[firms.treated], minlength=int(cell.max()) + 1) > 0
    return (
        firms.drop(firms.control & ~has_treated[in_cell], "no_treated_in_cell")
        .drop(np.isinf(nearest), "no_control_in_cell")
        .drop(nearest > caliper, "outside_caliper")
        .drop(firms.treated & ~is_matched, "no_control_left")
        .drop(~is_matched, "not_matched")
    )
