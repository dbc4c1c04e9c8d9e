"""Random splits of never treated firms, or of whole clusters of them, into pretended cohorts and the rest."""

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.deals import FEWEST, cohorts_within, deal
from evalkit.engine.paths import clusters, sample_moments
from evalkit.errors import DesignError
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Outcome
from evalkit.stats.aa_splits import first_in, pretended, two_sided, untreated
from evalkit.stats.bootstrap import require_draws
from evalkit.stats.cell_changes import sides
from evalkit.stats.mean_contrasts import MeanContrast, contrast_means
from evalkit.stats.moments import Moments
from evalkit.stats.randomisation import Studentised, deals, studentised_draws
from evalkit.stats.year_cells import year_cells

FEWEST_FIRMS, FEWEST_CLUSTERS = 20, 10
"""Fewer never treated firms, or clusters of them, can be split in too few ways."""


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """The p-values of all splits, and how many firms (or clusters) were pretended to be treated, and how many not."""

    p_values: NDArray[np.float64]
    n_pretended: int
    n_rest: int


def firm_splits(sample: MatchedSample, outcome: Outcome, n_draws: int, seed: int) -> Splits:
    """Split firms; the effect is the mean change of the pretended cohorts less that of the rest, as in `deal`.

    Raises
    ------
    DesignError
        Too few treated or never treated firms (`E_NO_TREATED`, `E_NO_CONTROL`).
    EstimationError
        More than 1 % of splits have no standard error (`E_BOOTSTRAP`).
    """
    dealt = untreated(deal(sample, outcome))
    n_pretended = int((dealt.cohort >= 0).sum())
    _require(n_pretended, len(dealt.cohort), FEWEST_FIRMS)
    p_values = two_sided(studentised_draws(dealt, n_draws, seed))
    return Splits(p_values, n_pretended, len(dealt.cohort) - n_pretended)


def cluster_splits(sample: MatchedSample, outcome: Outcome, n_draws: int, seed: int) -> Splits:
    """Split whole clusters; the effect is the mean of all cells from the pretended award on, as in `group_time`.

    As many clusters are pretended to be treated as hold treated firms. Standard errors are corrected as the panel says.
    Errors are those of `firm_splits`.
    """
    panel = dataclasses.replace(sample.panel, outcomes=(outcome,))
    own = np.where(sample.weight > 0, panel.cohort, -1)
    alone = dataclasses.replace(sample, panel=panel, weight=np.where(own == 0, sample.weight, 0.0))
    cohorts = np.array(cohorts_within(panel, own), np.int64)
    n_treated = np.array([(own == c).sum() for c in cohorts], np.int64)
    code = clusters(panel)[0]
    moments = sample_moments(alone)
    if code is None or moments.cluster is None:
        raise ValueError("firms are their own clusters")
    labels, place = np.unique(moments.cluster, return_inverse=True)
    sizes = pretended(n_treated, len(np.unique(code[np.isin(own, cohorts)])), len(labels))
    _require(int(sizes.sum()), len(labels), FEWEST_CLUSTERS)
    kept, found = np.flatnonzero(sizes), []
    for members in deals(first_in(sizes[kept], len(labels)), np.zeros(len(labels), np.int64), n_draws, seed):
        cohort = np.zeros(len(labels), np.int64)
        for c, rows in zip(cohorts[kept], members, strict=True):
            cohort[rows] = c
        split = dataclasses.replace(moments, cohort=cohort[place])
        found.append(_overall(alone, split, dict(zip(cohorts.tolist(), n_treated.tolist(), strict=True))))
    require_draws(sum(not one.std_error for one in found), n_draws)
    return Splits(two_sided(found), int(sizes.sum()), len(labels) - int(sizes.sum()))


def _require(n_pretended: int, n: int, fewest: int) -> None:
    if n < fewest:
        raise DesignError(f"fewer than {fewest} can be split", code="E_NO_CONTROL")
    if n_pretended < FEWEST:
        raise DesignError(f"fewer than {FEWEST} would be pretended to be supported", code="E_NO_TREATED")


def _overall(sample: MatchedSample, moments: Moments, mass: dict[int, int]) -> Studentised:
    """Return the mean of all cells from the award on, weighted by the firms of the real cohorts."""
    cells = list(_cells(sample, moments))
    if not cells:
        return Studentised(0.0, 0.0, 1.0)
    found = contrast_means(moments, [contrast for _, contrast in cells], sample.panel.inference.correction)
    weight = np.array([mass[cohort] for cohort, _ in cells], np.float64)
    weight /= weight.sum()
    variance = max(float(weight @ found.vcov @ weight), 0.0)
    return Studentised(float(weight @ found.estimate), float(np.sqrt(variance)), float(np.min(found.dof)))


def _cells(sample: MatchedSample, moments: Moments) -> Iterator[tuple[int, MeanContrast]]:
    """Give cohort and contrast of the cells from the award on that have firms on both sides."""
    for cell in year_cells(sample.panel, np.unique(moments.cohort), "never_treated", "universal"):
        contrast = cell.contrast
        members = sides(contrast, moments)
        if contrast.at > contrast.since and members[0].any() and members[1].any() and cell.year >= contrast.cohort:
            change = np.zeros(moments.observed.shape[1])
            change[contrast.at], change[contrast.since] = 1.0, -1.0
            yield contrast.cohort, MeanContrast(change, *members)
