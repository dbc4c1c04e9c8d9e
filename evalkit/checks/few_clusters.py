"""Whether there are enough clusters for the standard errors."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import clusters
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.stats.candidates import candidates
from evalkit.stats.few_clusters import cluster_shares, effective_clusters

QUESTION = "Are there enough supported and comparison firms, or clusters of them, for the standard errors?"
FEWEST, ENOUGH = 3, 50
"""Fewer treated clusters than the first allow no interval; from the second on every correction keeps its size."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Number of clusters: counted by group and in effect, and which standard errors can be trusted with them.

    A clustered test of 5 % rejects a true null in 37 % of samples with 2 treated clusters, in 15 % with 5 and in 5.1 %
    with 50. With fewer than 3 there is no interval to trust. With fewer than 50, corrected standard
    errors (CR2 with the degrees of freedom of Bell and McCaffrey) keep their size; from 50 on all do. The verdict rests
    on the least of the clusters with treated firms, those with controls, and the effective number, which falls when
    few clusters carry most of the weight.

    Reference
    ---------
    Carter, Schnepel and Steigerwald (2017), Review of Economics and Statistics 99(4), for the effective number;
    MacKinnon and Webb (2018), Econometrics Journal 21(2), and Bell and McCaffrey (2002), Survey Methodology 28(2).
    """

    def run(self, case: Case) -> CheckResult:
        """Count clusters in each way in which the panel has them."""
        panel, weight = case.sample.panel, case.sample.weight
        firms = candidates(panel)
        rows = np.flatnonzero((firms.treated | firms.control) & (weight > 0))
        if not (firms.treated[rows].any() and firms.control[rows].any()):
            sentence = "There are no supported or no never-supported firms whose clusters could be counted."
            return CheckResult("few_clusters", QUESTION, "info", sentence, {"case": "no_groups"})
        code, n_second = clusters(panel)
        ways = [np.arange(len(weight))] if code is None else [code]
        if code is not None and n_second:
            ways = [code // n_second, code % n_second]
        names = panel.clusters or ("",)
        found = [
            _counts(name, cluster_shares(weight[rows], firms.treated[rows], way[rows]))
            for name, way in zip(names, ways, strict=True)
        ]
        worst = min(found, key=_least)
        is_corrected = bool(case.effects) and all(map(_is_corrected, case.effects))
        kind, verdict = _judged(_least(worst), is_corrected)
        return _result(kind if code is None else f"{kind}_clusters", verdict, worst, found)


def _counts(name: str, shares: NDArray[np.float64]) -> dict[str, Any]:
    n_treated, n_control = (shares > 0).sum(axis=0).tolist()
    sizes = {"treated_clusters": n_treated, "control_clusters": n_control} if name else {
        "n_treated": n_treated, "n_control": n_control
    }  # fmt: skip
    return {
        "clustered_by": name, **sizes, "effective_clusters": effective_clusters(shares),
        "share_largest": float(shares[:, 0].max()),
    }  # fmt: skip


def _least(counts: dict[str, Any]) -> float:
    sizes = [v for k, v in counts.items() if k.endswith("_clusters") or k.startswith("n_")]
    return float(min(sizes))


def _is_corrected(effects: Effects) -> bool:
    """Say whether all intervals have degrees of freedom of their own, as CR2's and CR3's have."""
    return bool(np.isfinite(effects.row_dof).all())


def _judged(least: float, is_corrected: bool) -> tuple[str, Verdict]:
    """Apply the table of rejection rates."""
    if least < FEWEST:
        return "none", "fail"
    if least >= ENOUGH:
        return "enough", "pass"
    return ("corrected", "pass") if is_corrected else ("few", "warn")


def _result(kind: str, verdict: Verdict, worst: dict[str, Any], found: list[dict[str, Any]]) -> CheckResult:
    say = {
        "none": "no interval can be trusted",
        "few": "only corrected standard errors (CR2) or placebo tests can be trusted, and not all estimates have them",
        "corrected": "the corrected standard errors that all estimates have can be trusted",
        "enough": "every clustered standard error can be trusted",
    }[kind.removesuffix("_clusters")]
    unit = "clusters" if worst["clustered_by"] else "firms"
    n_treated, n_control = (v for k, v in worst.items() if k.startswith(("n_", "treated_", "control_")))
    sentence = (
        f"The effect rests on {n_treated:,} supported and {n_control:,} comparison {unit}, in effect on "
        f"{worst['effective_clusters']:,.1f}: {say}."
    )
    values = {"case": kind, **worst, "fewest": FEWEST, "enough": ENOUGH}
    return CheckResult("few_clusters", QUESTION, verdict, sentence, values, _least(worst), tuple(found))
