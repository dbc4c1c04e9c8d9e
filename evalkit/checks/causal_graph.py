"""What the causal graph that a study declares says about its covariates."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import UnknownNameError, did_you_mean
from evalkit.model.check import Case, CheckResult, Verdict
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import dummies, read_covariates
from evalkit.stats.graph_tests import implications, partial_association
from evalkit.stats.stable_hash import stable_hash

QUESTION = "Are the firms made alike in what the causal graph asks for, and in nothing that follows from the award?"
AWARD, OUTCOME = "award", "outcome"
ARROW = re.compile(r"\s*(\S.*?)\s*->\s*(\S.*?)\s*")


@dataclasses.dataclass(frozen=True)
class Method:
    """Causal graph: which characteristics must be held fixed, which must not, and whether the data agree.

    The graph's nodes are `award`, `outcome`, covariates of the panel and causes that nobody observed. From it follow
    the characteristics that block every path by which the award and the outcome are related without an effect; a
    characteristic that the award changes must not be among those used. Independences that the graph implies are tested
    on a sample of firms; none is about outcomes.

    Parameters
    ----------
    arrows : tuple of str
        "industry -> award" and the like. Empty: every covariate acts on award and outcome, as the roles say.
    unobserved : tuple of str
        Nodes that are not in the data.
    covariates : tuple of str
        Characteristics held fixed. Empty: those that matching used, or all of the panel.
    firms : int
        Most firms that the tests look at, chosen by a hash of their ids.
    alpha : float
        Level of the tests together (Holm).

    Reference
    ---------
    Pearl (2009), Causality, sections 1.2.3 and 3.3.1; Sharma and Kiciman (2020), DoWhy, which identifies the set.
    """

    arrows: tuple[str, ...] = ()
    unobserved: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    firms: int = 20_000
    alpha: float = 0.05

    is_design = True

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.firms < 100:
            raise ValueError("alpha must be between 0 and 1, and firms 100 or more")
        for arrow in self.arrows:
            if not ARROW.fullmatch(arrow):
                raise ValueError(f"'{arrow}' is no arrow; write \"cause -> effect\"")
        _in_order(self._edges(()))

    def run(self, case: Case) -> CheckResult:
        """Identify the set, compare it with the one used, and test the graph.

        Raises
        ------
        UnknownNameError
            The graph names what is neither a covariate, `award`, `outcome` nor declared as unobserved (`E_GRAPH_NODE`).
        """
        panel = case.sample.panel
        names = [c.name for c in panel.covariates]
        used = [name for name in self._used(case.sample) if name in names]
        edges = self._edges(names)
        nodes = list(dict.fromkeys([AWARD, OUTCOME, *(node for edge in edges for node in edge)]))
        self._require_known(nodes, names)
        found = _identified(edges, nodes, [n for n in nodes if n not in self.unobserved], used)
        tests = self._tests(case.sample, edges, [n for n in nodes if n in (AWARD, *names)])
        n_rejected = sum(bool(row["rejected"]) for row in tests)
        situation, verdict = _verdict(found, n_rejected)
        values = {
            "case": situation, "asked": ", ".join(found["asked"]), "used": ", ".join(used),
            "bad": ", ".join(found["bad"]), "n_tests": len(tests), "n_rejected": n_rejected, "alpha": self.alpha,
        }  # fmt: skip
        return CheckResult(
            "causal_graph", QUESTION, verdict, _sentence(situation, values), values,
            None if verdict == "info" else float(n_rejected), tuple(tests),
        )  # fmt: skip

    def _used(self, sample: MatchedSample) -> Sequence[str]:
        if self.covariates:
            return self.covariates
        options = sample.options
        matched = (*options.get("covariates", ()), *options.get("exact", ()), *options.get("on", ()))
        return list(dict.fromkeys(matched)) or [c.name for c in sample.panel.covariates]

    def _edges(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Return the arrows declared, or those of the roles; covariates then act on each other in no known way."""
        if self.arrows:
            matches = [ARROW.fullmatch(arrow) for arrow in self.arrows]
            return [(m[1], m[2]) for m in matches if m]
        among = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        return [*((name, end) for name in names for end in (AWARD, OUTCOME)), *among, (AWARD, OUTCOME)]

    def _require_known(self, nodes: Sequence[str], names: Sequence[str]) -> None:
        known = [AWARD, OUTCOME, *names, *self.unobserved]
        for node in nodes:
            if node not in known:
                raise UnknownNameError(
                    f"the graph names '{node}', which is no covariate of the panel", where="check.arrows",
                    hint=did_you_mean(node, known), code="E_GRAPH_NODE",
                )  # fmt: skip

    def _tests(self, sample: MatchedSample, edges: list[tuple[str, str]], testable: list[str]) -> list[dict[str, Any]]:
        """Test every independence that the graph implies among award and covariates."""
        from statsmodels.stats.multitest import multipletests

        order = _in_order(edges)
        parents = {node: [a for a, b in edges if b == node] for node in order}
        asked = implications(parents, [n for n in order if n != OUTCOME], testable)
        if not asked:
            return []
        data = self._columns(sample, sorted({n for a, b, given in asked for n in (a, b, *given)}))
        p = [
            partial_association(
                data[a], data[b], np.column_stack([data[n] for n in given]) if given else data[a][:, :0]
            )
            for a, b, given in asked
        ]
        rejected = multipletests(p, alpha=self.alpha, method="holm")[0]
        return [
            {"node": a, "other": b, "given": ", ".join(given), "p_value": value, "rejected": bool(out)}
            for (a, b, given), value, out in zip(asked, p, rejected, strict=True)
        ]  # fmt: skip

    def _columns(self, sample: MatchedSample, nodes: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return the columns of some nodes for the firms with the smallest hashes that lack none."""
        panel = sample.panel
        chosen = np.argsort(stable_hash(panel.firm, 0), kind="stable")[: self.firms]
        columns = {AWARD: (panel.cohort > 0)[chosen, None].astype(np.float64)}
        for covariate in read_covariates(panel, [n for n in nodes if n != AWARD]):
            columns[covariate.name] = dummies(covariate.take(chosen))
        is_known = np.all([np.isfinite(c).all(axis=1) for c in columns.values()], axis=0)
        return {name: column[is_known] for name, column in columns.items()}


def _identified(
    edges: list[tuple[str, str]], nodes: Sequence[str], observed: list[str], used: Sequence[str]
) -> dict[str, Any]:
    """Ask DoWhy for a set that identifies the effect, whether the one used does, and what follows from the award."""
    import networkx as nx
    from dowhy.causal_identifier import EstimandType, identify_effect_auto
    from dowhy.graph import check_valid_backdoor_set, get_descendants

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(sorted(nodes))
    graph.add_edges_from(sorted(edges))
    estimand = identify_effect_auto(graph, [AWARD], [OUTCOME], sorted(observed), EstimandType.NONPARAMETRIC_ATE)
    after = set(get_descendants(graph, [AWARD]))
    held = [name for name in used if name in nodes]
    is_valid = bool(check_valid_backdoor_set(graph, [AWARD], [OUTCOME], held)["is_dseparated"])
    sets = [v for v in estimand.backdoor_variables.values() if v is not None] if estimand.backdoor_variables else []
    return {
        "is_identified": bool(sets), "is_valid": is_valid, "asked": sorted(sets[0]) if sets else [],
        "bad": sorted(after & set(used)),
    }  # fmt: skip


def _verdict(found: dict[str, Any], n_rejected: int) -> tuple[str, Verdict]:
    if found["bad"]:
        return "bad_control", "fail"
    if not found["is_identified"]:
        return "not_identified", "fail"
    if not found["is_valid"]:
        return "not_enough", "warn"
    return ("rejected", "warn") if n_rejected else ("pass", "pass")


def _sentence(situation: str, values: dict[str, Any]) -> str:
    return {
        "bad_control": f"Firms were made alike in what the award changes: {values['bad']}.",
        "not_identified": "No set of observed characteristics blocks all paths between award and outcome.",
        "not_enough": f"The graph asks for {values['asked']}, and the firms were made alike in {values['used']} only.",
        "rejected": f"{values['n_rejected']} of {values['n_tests']} independences that the graph implies are rejected.",
        "pass": f"What was held fixed blocks all paths of the graph; {values['n_tests']} independences were tested.",
    }[situation]


def _in_order(edges: Sequence[tuple[str, str]]) -> list[str]:
    """Return the nodes so that causes come before effects.

    Raises
    ------
    ValueError
        An arrow leads back to where it began.
    """
    left = {node: {a for a, b in edges if b == node} for edge in edges for node in edge}
    order: list[str] = []
    while left:
        ready = sorted(node for node, causes in left.items() if not causes & left.keys())
        if not ready:
            raise ValueError(f"the arrows lead in a circle: {', '.join(sorted(left))}")
        order += ready
        left = {node: causes for node, causes in left.items() if node not in ready}
    return order
