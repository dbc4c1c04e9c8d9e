"""Panel matching: each treated firm gets firms untreated at its award date whose outcomes had gone the same way."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.candidates import Candidates, candidates
from evalkit.stats.covariates import Covariate, any_missing, cells, read_covariates
from evalkit.stats.distances import places
from evalkit.stats.limits import Limits
from evalkit.stats.neighbours import nearest_neighbours
from evalkit.stats.pairing import Pairing
from evalkit.stats.pairs import pair_table, pair_weights
from evalkit.stats.points import Points
from evalkit.stats.risk_sets import Future, at_risk, path_years, paths_until, set_table, usable_until
from evalkit.stats.stable_hash import stable_hash
from evalkit.stats.weights import effective_number, require_effective

NO_PATH, NO_CELL, LEFT_OVER, USED = range(4)
NOT_USED = {NO_PATH: "missing_path", NO_CELL: "no_treated_in_cell", LEFT_OVER: "not_matched"}


@dataclasses.dataclass(frozen=True)
class Method(Pairing):
    """Panel matching: award cohorts are matched one by one with the firms that are untreated at their award date.

    Those firms make the cohort's risk set: they share its treatment history, which is to have had no award. Among them
    the firms are taken whose outcomes in the years before the award, and baseline covariates, are nearest. No outcome
    from the award on is read. A control may serve several cohorts, and may get an award of its own later, so the sample
    carries matched sets: the estimator `matched_sets` uses them, others refuse them. Within a cohort matching is greedy
    as in `nearest`, and `ratio`, `replace` and `reuse_max` hold there. `weight` and `reason` of a firm with an award
    say what became of it as a treated firm; it may be a control besides.

    Parameters
    ----------
    lags : int
        Years before the award, and before firms may anticipate it, whose outcomes are compared.
    paths : tuple of str
        Outcomes whose paths are compared. Default: all outcomes of the panel.
    covariates : tuple of str
        Baseline covariates compared beside them. Default: all covariates of the panel.
    exact : tuple of str
        Covariates whose values must be equal within a pair.
    distance : {"mean_mahalanobis", "mahalanobis"}
        The mean over lags of the Mahalanobis distance of outcomes and covariates at each lag; or one Mahalanobis
        distance of all lags together. Covariances are those of the cohort's risk set, pooled within the groups.
    caliper : float
        Largest distance within a pair. Default: none.
    future : {"drop", "censor", "intention_to_treat"}
        What firms with a later award are: never controls; controls until they may react to their own award, after which
        they leave the set; or controls for good.

    Reference
    ---------
    Imai, Kim and Wang (2023), Matching methods for causal inference with time-series cross-sectional data, American
    Journal of Political Science 67(3), sections on matched sets and refinement (equation 5).
    """

    lags: int = 2
    paths: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    distance: Literal["mean_mahalanobis", "mahalanobis"] = "mean_mahalanobis"
    caliper: float | None = None
    future: Future = "drop"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lags < 1:
            raise ValueError("lags must be 1 or more")
        if self.caliper is not None and not 0 < self.caliper < np.inf:
            raise ValueError("a caliper must be above 0")
        if self.m_order in ("largest", "smallest") or self.max_controls is not None:
            raise ValueError("m_order 'largest' and 'smallest' and max_controls need a score, and this method has none")

    def match(self, panel: Panel, seed: int = 0) -> MatchedSample:
        """Return the treated firms that found a control, each with its set of controls.

        Raises
        ------
        DesignError
            No treated firm or no control, too few controls, paths and covariates that are collinear, no treated firm
            with a control within the caliper, or too few controls that carry the weight.
        UnknownNameError
            Not a covariate or outcome of the panel; an outcome among the covariates is refused (`E_ROLE`).
        """
        outcomes = tuple(panel.outcome(name) for name in self.paths) or panel.outcomes
        names = self.covariates or tuple(c.name for c in panel.covariates)
        known = {c.name: c for c in read_covariates(panel, dict.fromkeys((*names, *self.exact)))}
        asked = self._required(candidates(panel))
        lacks = any_missing(list(known.values()), panel.n_firms)
        firms = self._required(asked.drop(lacks, "missing_covariate"))
        who = _Who(panel, ~lacks, known, tuple(n for n in names if n not in self.exact), outcomes)
        tie = np.arange(panel.n_firms, dtype=np.uint64) if self.ties == "first" else stable_hash(panel.firm, seed)
        awards = np.unique(panel.cohort[firms.treated]).tolist()
        found = [self._cohort(who, int(award), firms.treated, tie) for award in awards]
        if not any(len(f.treated) for f in found):
            raise _nobody(found)
        kept = _with_reasons(firms, found)
        is_att = bool((kept.treated == asked.treated).all())
        return self._sample(panel, kept.reason, (found, names), "att" if is_att else "att_matched")

    def _required(self, firms: Candidates) -> Candidates:
        """Refuse a panel without treated firms, or without never-treated ones where no others may be controls."""
        return firms.required() if self.future == "drop" or not firms.treated.any() else firms

    def _cohort(
        self, who: "_Who", award: int, treated: NDArray[np.bool_], tie: NDArray[np.uint64]
    ) -> "_Found":  # fmt: skip
        """Match the firms of one award cohort within their risk set."""
        panel = who.panel
        own = treated & (panel.cohort == award)
        pool = own | (at_risk(panel, award, self.future) & who.is_known)
        paths = paths_until(panel, who.outcomes, path_years(panel, award, self.lags))
        has_path = np.isfinite(paths).all(axis=(1, 2))
        rows = np.flatnonzero(pool & has_path)
        cell = cells([who.covariates[name] for name in self.exact], rows)
        is_treated = own[rows]
        has_both = _has_both(cell, is_treated)
        stage = np.where(pool & ~own, NO_PATH, -1).astype(np.int8)
        stage[rows[~is_treated]] = np.where(has_both[cell[~is_treated]], LEFT_OVER, NO_CELL)
        reason = np.full(panel.n_firms, "", dtype=object)
        reason[own & ~has_path], reason[rows[is_treated & ~has_both[cell]]] = "missing_path", "no_control_in_cell"
        use = has_both[cell]
        rows, cell, is_treated = rows[use], cell[use], is_treated[use]
        if not len(rows):
            return _Found(reason, stage)
        place = self._place(who, rows, paths[rows], is_treated)
        n_short = self.n_short_cells(cell, is_treated) if self.exact else 0
        self.require_supply(int(is_treated.sum()), int((~is_treated).sum()), n_short)
        points = Points(np.zeros(len(rows)), cell, tie[rows], place)
        ours, others = points.take(is_treated), points.take(~is_treated)
        width = np.inf if self.caliper is None else self.caliper
        made = nearest_neighbours(ours, others, self.rules(ours, width, Limits()))
        t, c = rows[is_treated][made.treated], rows[~is_treated][made.control]
        reason[rows[is_treated]] = np.where(made.gap > width, "outside_caliper", "no_control_left")
        reason[t], stage[c] = "", USED
        apart = np.asarray(ours.place)[made.treated] - np.asarray(others.place)[made.control]
        gap = np.atleast_2d(np.sqrt((apart**2).sum(axis=-1)).T).mean(axis=0)
        return _Found(reason, stage, t, c, gap, made.turn, n_short)

    def _place(
        self, who: "_Who", rows: NDArray[np.intp], paths: NDArray[np.float64], is_treated: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return the place of each firm at each lag (n, L, d), or of all lags together (n, d)."""
        steady = [who.covariates[name].take(rows) for name in who.names]
        n_lags = paths.shape[2]
        moving = [
            [Covariate(f"{o.name} {n_lags - lag} before", paths[:, j, lag]) for j, o in enumerate(who.outcomes)]
            for lag in range(n_lags)
        ]
        if self.distance == "mahalanobis":
            return places([c for lag in moving for c in lag] + steady, is_treated, "mahalanobis")[0]
        each = [places(lag + steady, is_treated, "mahalanobis")[0] for lag in moving]
        width = max(place.shape[1] for place in each)
        return np.stack([np.pad(place, ((0, 0), (0, width - place.shape[1]))) for place in each], axis=1)

    def _sample(
        self, panel: Panel, reason: NDArray[np.object_], made: "tuple[list[_Found], Sequence[str]]", estimand: str
    ) -> MatchedSample:
        """Put the cohorts' pairs together."""
        found, names = made
        parts = ("treated", "control", "gap", "turn")
        treated, control, gap, turn = (np.concatenate([getattr(f, part) for f in found]) for part in parts)
        order = np.lexsort((turn, treated))
        treated, control = treated[order], control[order]
        weight, subclass = _own_role(panel.cohort, treated, control)
        sets = set_table(treated, control, usable_until(panel, control, self.future))
        n_short = sum(f.n_short for f in found)
        notes = (f"short_cells:{n_short}",) if n_short else ()
        return MatchedSample(
            panel=panel,
            weight=weight,
            subclass=subclass,
            distance=np.full(panel.n_firms, np.nan),
            reason=reason,
            pairs=pair_table(treated, control, gap[order], subclass[treated], turn[order]),
            method="panel_path",
            options={**dataclasses.asdict(self), "covariates": tuple(names)},
            estimand=estimand,
            notes=(*_notes(panel, control, sets["weight"].to_numpy()), *notes),
            sets=sets,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class _Who:
    """Firms of the panel with known covariates (n_firms,), and what they are compared by."""

    panel: Panel
    is_known: NDArray[np.bool_]
    covariates: dict[str, Covariate]
    names: tuple[str, ...]
    outcomes: tuple[Outcome, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """Pairs of one cohort, in the order in which they were made.

    `reason` says why its treated firms have no control, and `stage` how far other firms came (n_firms,).
    """

    reason: NDArray[np.object_]
    stage: NDArray[np.int8]
    treated: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    control: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    gap: NDArray[np.float64] = dataclasses.field(default_factory=lambda: np.zeros(0))
    turn: NDArray[np.int32] = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))
    n_short: int = 0


def _has_both(cell: NDArray[np.int64], is_treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say which cells have treated firms and controls."""
    size = int(cell.max(initial=0)) + 1
    sides = [np.bincount(cell[group], minlength=size) > 0 for group in (is_treated, ~is_treated)]
    return np.asarray(sides[0] & sides[1])


def _with_reasons(firms: Candidates, found: "Sequence[_Found]") -> Candidates:
    """Say of every firm that was not matched why; of a firm with no award, how far it came in any cohort."""
    for f in found:
        for reason in dict.fromkeys(f.reason[f.reason != ""].tolist()):
            firms = firms.drop(f.reason == reason, reason)
    stage = np.max([f.stage for f in found], axis=0)
    for code, reason in NOT_USED.items():
        firms = firms.drop(firms.control & (stage == code), reason)
    return firms


def _own_role(
    cohort: NDArray[np.int32], treated: NDArray[np.int64], control: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return weights and matched sets (n_firms,); those of firms with an award are theirs as treated firms."""
    weight, subclass = pair_weights(treated, control, len(cohort))
    own = np.full(len(cohort), -1, dtype=np.int32)
    own[treated] = np.unique(treated, return_inverse=True)[1]
    return np.where(cohort > 0, own >= 0, weight), np.where(cohort > 0, own, subclass)


def _notes(panel: Panel, control: NDArray[np.int64], weight: NDArray[np.float64]) -> list[str]:
    """Return the caveats on controls with a later award, and on those that serve several sets; too few are refused."""
    used, place, n_uses = np.unique(control, return_inverse=True, return_counts=True)
    n_future, most = int((panel.cohort[used] > 0).sum()), int(n_uses.max())
    notes = [f"future_controls:{n_future}"] if n_future else []
    if most > 1:
        own = np.bincount(place, weight).astype(np.float64)
        require_effective(own)
        notes += [f"max_reuse:{most}", f"effective_controls:{effective_number(own):.0f}"]
    return notes


def _nobody(found: "Sequence[_Found]") -> DesignError:
    """Say why no treated firm has a control."""
    if not any((f.stage >= NO_PATH).any() for f in found):
        return DesignError(
            "no firm is untreated when an award cohort is treated",
            code="E_NO_CONTROL",
            hint="all firms have an award: extend the population by firms without one",
        )
    reasons = np.concatenate([f.reason[f.reason != ""] for f in found])
    counts = ", ".join(f"{int((reasons == r).sum()):,} {r}" for r in sorted(set(reasons.tolist())))
    return DesignError(
        f"no treated firm has a comparable control ({counts})",
        code="E_NO_OVERLAP",
        hint="ask for fewer lags or exact covariates, or widen the caliper",
    )
