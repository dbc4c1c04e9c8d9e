"""The distance of every treated firm to every control of its cell: for methods that look at all pairs at once."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, StudyError
from evalkit.model.panel import Panel
from evalkit.stats.candidates import Candidates
from evalkit.stats.comparable import Comparable, comparable
from evalkit.stats.covariates import Covariate, cells
from evalkit.stats.distances import places
from evalkit.stats.scores import Model, propensity_scores
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.support import Discard, outside_support


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """One exact cell.

    Parameters
    ----------
    treated : (a,) int64
        Row numbers of the treated firms, in the order of their places, equal ones by stable hash.
    control : (b,) int64
        Row numbers of the controls, in the same order.
    gap : (a, b) float64
        Distance of each pair; infinite where the two may not be compared.
    """

    treated: NDArray[np.int64]
    control: NDArray[np.int64]
    gap: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """Firms with their places, and what two of them must fulfil beside being near.

    Parameters
    ----------
    found : Comparable
        The firms asked about, and those that a distance can be measured for.
    firms : Candidates
        Those that are left.
    cell : (n_firms,) int64
        Exact cell of each firm that is left, numbered from 0.
    score : (n_firms,) float64
        Propensity score or its logit; NaN when none is needed.
    place : (n_firms, d) float64
        Coordinates, whose Euclidean distance is the one asked for.
    key : (n_firms,) uint64
        Stable hash of firm and seed.
    near : tuple of (n_firms,) float64 and float
        Numbers with the largest difference within a pair.
    unlike : tuple of Covariate
        Covariates that must differ within a pair.
    constant : tuple of str
        Covariates left out because they are constant.
    """

    found: Comparable
    firms: Candidates
    cell: NDArray[np.int64]
    score: NDArray[np.float64]
    place: NDArray[np.float64]
    key: NDArray[np.uint64]
    near: tuple[tuple[NDArray[np.float64], float], ...]
    unlike: tuple[Covariate, ...]
    constant: tuple[str, ...]

    def sizes(self) -> NDArray[np.int64]:
        """Return the numbers of treated firms and controls of each cell (n_cells, 2)."""
        n_cells = int(self.cell[self.firms.rows].max()) + 1
        groups = (self.firms.treated, self.firms.control)
        return np.stack([np.bincount(self.cell[group], minlength=n_cells) for group in groups], axis=1)

    def require_size(self, sizes: NDArray[np.int64], most: int) -> None:
        """Refuse cells of more than `most` pairs, with the numbers of firms (n_cells, 2) of each cell.

        Raises
        ------
        DesignError
            `E_TOO_LARGE`.
        """
        n_pairs = sizes.prod(axis=1)
        if n_pairs.max() > most:
            raise DesignError(
                f"{int((n_pairs > most).sum()):,} exact cells have more than {most:,} pairs of a treated firm and a "
                f"control to choose from; the largest has {int(n_pairs.max()):,}",
                code="E_TOO_LARGE",
                hint="make the cells smaller with more covariates in 'exact', or match with method 'nearest'",
            )

    def blocks(self) -> Iterator[Block]:
        """Give the cells that have both groups, in the order of their numbers."""
        from scipy.spatial.distance import cdist

        rows = self.firms.rows
        rows = rows[np.lexsort((self.key[rows], *self.place[rows].T[::-1], self.cell[rows]))]
        for own in np.split(rows, np.flatnonzero(np.diff(self.cell[rows])) + 1):
            treated, control = own[self.firms.treated[own]], own[self.firms.control[own]]
            if not (len(treated) and len(control)):
                continue
            gap = cdist(self.place[treated], self.place[control])
            for values, width in self.near:
                gap[np.abs(values[treated, None] - values[control]) > width] = np.inf
            for covariate in self.unlike:
                gap[covariate.values[treated, None] == covariate.values[control]] = np.inf
            yield Block(treated, control, gap)

    def with_reasons(self, is_matched: NDArray[np.bool_], is_near: NDArray[np.bool_]) -> Candidates:
        """Say of every firm (n_firms,) that was not matched why; `is_near` are those with a firm to be compared with.

        Raises
        ------
        DesignError
            `E_NO_OVERLAP`: no firm was matched.
        """
        sizes, firms = self.sizes(), self.firms
        if not is_matched.any():
            n_alone = int(sizes[sizes[:, 1] == 0, 0].sum())
            n_treated = int(sizes[:, 0].sum())
            raise DesignError(
                f"no treated firm has a comparable control: of {n_treated:,}, {n_alone:,} have none in their cell and "
                f"{n_treated - n_alone:,} none within the calipers (100% outside)",
                code="E_NO_OVERLAP",
                hint="widen the calipers, or ask for fewer exact covariates",
            )
        return (
            firms.drop(firms.control & (sizes[:, 0] == 0)[self.cell], "no_treated_in_cell")
            .drop(firms.treated & (sizes[:, 1] == 0)[self.cell], "no_control_in_cell")
            .drop(firms.treated & ~is_near, "outside_caliper")
            .drop(firms.treated & ~is_matched, "no_control_left")
            .drop(~is_matched, "not_matched")
        )

    def notes(self) -> tuple[str, ...]:
        """Return the caveats on covariates and support, by key."""
        n_outside = int((self.firms.reason == "outside_support").sum())
        notes = self.found.notes(self.constant)
        return (*notes, f"outside_support:{n_outside}") if n_outside else notes


@dataclasses.dataclass(frozen=True)
class Measure:
    """How far two firms are apart, and which two may not be compared.

    Parameters
    ----------
    exact : tuple of str
        Covariates whose values must be equal between compared firms.
    antiexact : tuple of str
        Covariates whose values must differ between compared firms.
    covariates : tuple of str
        Covariates of the propensity score and of the distance. Default: all covariates of the panel.
    distance : {"logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"}
        Distance on the logit of the propensity score; on the score itself; Mahalanobis, with the covariance pooled
        within the groups; Mahalanobis on ranks; or Euclidean in the covariates' units, levels of a category 1 apart.
    model : {"logit", "probit", "boosting"}
        Propensity score: a logit or probit, or gradient-boosted trees with scores from firms outside the fold.
    caliper : float
        Largest difference of the propensity score between compared firms, in standard deviations over all firms; of its
        logit unless distance is "score". Default: none.
    calipers : dict of str to float
        Largest difference of numbers between compared firms, by covariate, in its unit.
    discard : {"none", "treated", "control", "both"}
        Drop firms of these groups whose score is outside the range of the other group's scores.
    """

    exact: tuple[str, ...] = ()
    antiexact: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    distance: Literal["logit_score", "score", "mahalanobis", "robust_mahalanobis", "euclidean"] = "logit_score"
    model: Model = "logit"
    caliper: float | None = None
    calipers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    discard: Discard = "none"

    def __post_init__(self) -> None:
        widths = [*self.calipers.values(), *([] if self.caliper is None else [self.caliper])]
        if any(not 0 < width < np.inf for width in widths):
            raise ValueError("a caliper must be above 0")

    @property
    def _needs_score(self) -> bool:
        return self.distance in ("logit_score", "score") or self.caliper is not None or self.discard != "none"

    def options_for(self, panel: Panel) -> dict[str, Any]:
        """Return the options of a match of this panel, with the covariates that stand for none named."""
        return {**dataclasses.asdict(self), "covariates": self._names(panel)}

    def measured(self, panel: Panel, seed: int) -> Measured:
        """Return the firms to be compared with their places.

        Raises
        ------
        DesignError
            No treated firm or no control; covariates that are collinear or separate the groups; no common support.
        UnknownNameError
            Not a covariate of the panel; an outcome is refused by its role (`E_ROLE`).
        StudyError
            A caliper on a category.
        """
        names = self._names(panel)
        found = comparable(panel, names, others=(*self.exact, *self.antiexact, *self.calipers))
        self._require_numbers(found)
        key = stable_hash(panel.firm, seed)
        rows, covariates = found.firms.rows, [found.covariates[name].take(found.firms.rows) for name in names]
        treated, constant = found.firms.treated[rows], tuple[str, ...]()
        score = place = np.full((panel.n_firms, 1), np.nan)
        if self._needs_score:
            scores = propensity_scores(covariates, treated, self.model, key[rows])
            score[rows, 0] = scores.score if self.distance == "score" else scores.predictor
            constant = scores.constant
        if self.distance != "logit_score" and self.distance != "score":  # noqa: PLR1714 - narrows the type
            own, left_out = places(covariates, treated, self.distance)
            place, constant = np.full((panel.n_firms, own.shape[1]), np.nan), tuple(left_out)
            place[rows] = own
        score = score[:, 0]
        near = tuple((found.covariates[name].values, width) for name, width in self.calipers.items())
        if self.caliper is not None:
            near = (*near, (score, self.caliper * float(np.std(score[rows], ddof=1))))
        firms = outside_support(found.firms, score, self.discard)
        cell = np.zeros(panel.n_firms, dtype=np.int64)
        cell[firms.rows] = cells([found.covariates[name] for name in self.exact], firms.rows)
        unlike = tuple(found.covariates[name] for name in self.antiexact)
        return Measured(found, firms, cell, score, place, key, near, unlike, constant)

    def _names(self, panel: Panel) -> tuple[str, ...]:
        return self.covariates or tuple(c.name for c in panel.covariates)

    def _require_numbers(self, found: Comparable) -> None:
        categories = [name for name in self.calipers if found.covariates[name].levels is not None]
        if categories:
            raise StudyError(
                f"a caliper needs a number, not a category: {', '.join(categories)}",
                where="calipers",
                code="E_OPTION",
                hint="ask for equal values with 'exact'",
            )
