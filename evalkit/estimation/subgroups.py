"""Effects on groups of firms, by any estimator."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit import methods
from evalkit.engine.paths import baseline_means, clusters, require_variance
from evalkit.engine.some_firms import of_firms
from evalkit.errors import DataError, DesignError, EstimationError, StudyError, UnknownNameError, did_you_mean
from evalkit.model.effects import Effects
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import read_covariates
from evalkit.stats.side_by_side import side_by_side

NAME = "subgroups"
NOT_COMPARED = ("E_NO_CONTROL", "E_NO_TREATED", "E_NO_POST", "E_TOO_FEW_TREATED", "E_NO_VARIANCE")
"""Errors of a group that has nobody or nothing to compare; it is left out and named."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect on each group of firms, of an industry, a size or a prefecture for example, by any estimator.

    The supported firms of a group are compared with unsupported firms of the same group. Groups share no firm, so the
    effects of different groups are independent, and contrasts between them and averages over them have the right error.
    Match exactly on the category: firms compared across groups otherwise leave groups that are less alike than all.

    Parameters
    ----------
    by : str
        Category that divides the firms. Default: the first one among the covariates.
    estimator : str
        Which estimator each group is asked with.
    options : dict
        Its options.

    Assumes
    -------
    What the estimator assumes, within each group. Clusters above the firm lie within groups.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2), remark 8, on effects given a category; Wooldridge
    (2010), Econometric Analysis of Cross Section and Panel Data, section 10.7, on estimation group by group.
    """

    by: str = ""
    estimator: str = "group_time"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.estimator == NAME:
            raise ValueError("groups cannot be divided again by the same estimator")
        problems = methods.problems("estimation", self.estimator, self.options, "options")
        if problems:
            raise ValueError(str(problems[0]))

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate all groups with their joint covariance.

        Raises
        ------
        UnknownNameError, StudyError
            `by` is no category of the panel; the estimator needs matched sets (`E_OPTION`).
        DesignError
            No group can be compared (`E_NO_CONTROL`).
        EstimationError
            A cluster reaches over groups (`E_CLUSTERS`).
        """
        estimator = methods.build("estimation", self.estimator, self.options)
        if sample.sets is not None or getattr(estimator, "takes_sets", False):
            raise StudyError("matched sets reach over groups", where="estimate.method", code="E_OPTION")
        by, in_memory = self._category(sample.panel), _in_memory(sample)
        found: dict[str, Effects] = {}
        left_out = []
        for level, rows in _groups(in_memory, by):
            group = of_firms(in_memory, rows)
            try:
                require_variance(group.panel)
                found[level] = estimator.estimate(group)
            except (DataError, DesignError) as error:
                if error.code not in NOT_COMPARED:
                    raise
                left_out.append(level)
        if not found:
            raise DesignError("no group has both supported and comparison firms", where=by, code="E_NO_CONTROL")
        effects = side_by_side(found)
        notes = [f"groups_left_out:{', '.join(left_out)}"] if left_out else []
        if not _is_matched_within(in_memory, by):
            notes.append(f"groups_not_exact:{by}")
        options = {"by": by, "estimator": self.estimator, "options": self.options}
        return dataclasses.replace(
            effects, method=NAME, options=options, baseline=baseline_means(sample), notes=(*effects.notes, *notes)
        )

    def _category(self, panel: Panel) -> str:
        known = [c.name for c in panel.covariates if c.kind == "category"]
        if not known or (self.by and self.by not in known):
            problem = f"the panel has no category '{self.by}'" if self.by else "the panel has no category"
            raise UnknownNameError(problem, where="estimate.by", hint=did_you_mean(self.by, known) if known else "")
        return self.by or known[0]


def _in_memory(sample: MatchedSample) -> MatchedSample:
    """Read the firms that count once, for all groups."""
    return of_firms(sample, np.flatnonzero(sample.weight > 0))


def _is_matched_within(sample: MatchedSample, by: str) -> bool:
    """Say whether firms were compared within groups alone: by their matched sets, or by what the method was told."""
    if sample.method == "none":
        return True
    if (sample.subclass < 0).any():
        return by in sample.options.get("exact", ())
    (category,) = read_covariates(sample.panel, [by])
    pairs = np.unique(np.stack([sample.subclass, category.values]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(sample.subclass)))


def _groups(sample: MatchedSample, by: str) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield the groups in order of their names, with their rows; firms without one are in none."""
    (category,) = read_covariates(sample.panel, [by])
    cluster, _ = clusters(sample.panel)
    if cluster is not None:
        pairs = np.unique(np.stack([cluster, category.values]), axis=1)
        if pairs.shape[1] > len(np.unique(cluster)):
            raise EstimationError(
                f"clusters reach over groups of '{by}', which are then not independent", where="covariates.clusters",
                code="E_CLUSTERS", hint="cluster by firm, or by something that lies within the groups",
            )  # fmt: skip
    for code, level in enumerate(category.levels or ()):
        rows = np.flatnonzero(category.values == code)
        if rows.size:
            yield level, rows
