"""What the wild cluster bootstrap says of regressions with few clusters."""

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from evalkit import methods
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.stats.aggregate import aggregate, weights_of
from evalkit.stats.cluster import n_treated_clusters
from evalkit.stats.inference import FEWEST_FOR_ERROR
from evalkit.stats.regression import Problem
from evalkit.stats.wild_bootstrap import ClusterSums, wild_bootstrap
from evalkit.stats.within import fit

QUESTION = "Does the effect hold when the few clusters speak for themselves?"
NAME = "wild_bootstrap"
INFO = {
    "firms": "Each firm is a cluster of its own, so there are not few of them.",
    "two_ways": "Firms are in clusters in two ways, of which no one bootstrap is known to hold.",
    "too_few": "Fewer than three clusters have a supported firm, so that nothing can be said.",
    "no_regression": "No estimate is a regression with firm and year effects.",
    "own_regressors": "All regressions hold covariates of firms, of which this bootstrap does not know the residuals.",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """Wild cluster bootstrap: p-values and intervals of regressions when firms lie in few clusters.

    In every draw the residuals of a cluster keep or change their sign together. The first p-value imposes that there is
    no effect (WCR), which holds its level best; its interval has all values that this test would not reject. The second
    does not impose it (WCU): where both are far apart, few clusters are treated or differ much in size, and neither is
    to be trusted.

    Parameters
    ----------
    law : {"rademacher", "webb"}
        Signs, all 2^G of them with up to 11 clusters G; or six points after Webb, for few clusters.
    draws : int
        Draws where not all signs are looked at; at least 999.
    alpha : float
        Level of the test; one less that of the interval.
    seed : int
        Of the draws.

    Reference
    ---------
    Cameron, Gelbach and Miller (2008), Review of Economics and Statistics 90(3); MacKinnon, Nielsen and Webb (2023),
    Fast and reliable jackknife and bootstrap methods for cluster-robust inference, Journal of Applied Econometrics
    38(5).
    """

    law: Literal["rademacher", "webb"] = "rademacher"
    draws: int = 9_999
    alpha: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError("alpha must be between 0 and 1")
        if self.draws < 999:
            raise ValueError("draws must be 999 or more")

    def run(self, case: Case) -> CheckResult:
        """Look at the overall effect of every regression on the primary outcome, or the first."""
        clusters = case.sample.panel.clusters
        if len(clusters) != 1:
            return _told("two_ways" if clusters else "firms")
        solved = list(_problems(case))
        if not solved:
            return _told("no_regression")
        solved = [(e, p) for e, p in solved if p.own is None]
        if not solved:
            return _told("own_regressors")
        known = [(e, p) for e, p in solved if n_treated_clusters(p.moments) >= FEWEST_FOR_ERROR]
        rows = [row for e, p in known for row in self._rows(case.sample, e, p)]
        if not rows:
            return _told("too_few")
        differ = [r for r in rows if (r["p_value"] < self.alpha) != (r["p_restricted"] < self.alpha)]
        shown = (differ or sorted(rows, key=lambda r: -r["p_restricted"]))[0]
        is_found = shown["p_restricted"] < self.alpha
        kind = "differ" if differ else "effect" if is_found else "chance"
        verdict: Verdict = "warn" if differ else "pass"
        beside = "which the printed interval does not say" if differ else "as the printed interval says"
        sentence = (
            f"With {shown['clusters']} clusters, the effect on {shown['outcome']} by {shown['method']} "
            f"{'differs' if is_found else 'does not differ'} from zero (p = {shown['p_restricted']:.3f}), {beside}."
        )
        values = {"case": kind, "alpha": self.alpha, **{k: shown[k] for k in SHOWN}}
        return CheckResult(NAME, QUESTION, verdict, sentence, values, shown["p_restricted"], tuple(rows))

    def _rows(self, sample: MatchedSample, effects: Effects, problem: Problem) -> Iterator[dict[str, Any]]:
        panel = sample.panel
        o = next((i for i, outcome in enumerate(panel.outcomes) if outcome.primary), 0)
        name, width = panel.outcomes[o].name, len(panel.periods)
        columns, design = slice(o * width, (o + 1) * width), problem.designs[o]
        found = fit(problem.moments, columns, design.columns, design.names, design.effects)
        overall = aggregate(effects, "overall").of(name).table.iloc[0]
        if not np.isfinite(overall["p_value"]):
            return
        weights = np.zeros(len(found.whole_bread))
        own = (effects.table["outcome"] == name).to_numpy(dtype=bool)
        share = weights_of(effects.take(np.flatnonzero(own)))[0]
        weights[: len(share)] = share
        sums = ClusterSums.of(problem.moments, found, columns)
        wild = wild_bootstrap(sums, weights, self.law, self.draws, self.seed)
        low, high = wild.interval(1 - self.alpha)
        yield {
            "outcome": name, "method": effects.method, "clusters": len(sums.gram),
            "treated_clusters": n_treated_clusters(problem.moments), "estimate": wild.estimate,
            "p_value": float(overall["p_value"]), "p_restricted": wild.p_value(),
            "p_unrestricted": wild.p_value(is_restricted=False), "conf_low": _finite(low), "conf_high": _finite(high),
        }  # fmt: skip


SHOWN = ("outcome", "method", "clusters", "p_value", "p_restricted")


def _problems(case: Case) -> Iterator[tuple[Effects, Problem]]:
    """Give the estimates that are regressions, with what they regress."""
    for effects in case.effects:
        if effects.method in methods.names("estimation"):
            estimator = methods.build("estimation", effects.method, effects.options)
            if hasattr(estimator, "problem"):
                yield effects, estimator.problem(case.sample)


def _told(kind: str) -> CheckResult:
    return CheckResult(NAME, QUESTION, "info", INFO[kind], {"case": kind})


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
