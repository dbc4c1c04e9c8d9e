"""Which averages of effects are hidden: by a rule, with their counts, or so that no hidden one follows from them."""

from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.effects import Effects
from evalkit.reporting.disclosure.averages import kept_back, linked
from evalkit.reporting.disclosure.count_tables import Label, label_of, row_cell, weight_sums
from evalkit.reporting.disclosure.counts import too_few_compared
from evalkit.reporting.disclosure.ledger import Ledger
from evalkit.reporting.effect_rows import Averages, By
from evalkit.stats.aggregate import weights_of

IN_ORDER: tuple[By, ...] = ("overall", "event_time", "group", "cohort", "year")
"""What readers need most first."""


def hidden_averages(ledger: Ledger, effects: Effects, averages: Averages, ruled: Set[Label]) -> frozenset[Label]:
    """Return the averages of one estimate that are hidden.

    Beside those of a rule and those hidden with their counts: where one is, or an effect as estimated may not be told,
    all effects by year, since every cell lies where a year, an event time and a cohort cross; and further ones as long
    as one that a rule hides would follow.

    Parameters
    ----------
    ledger : Ledger
        Knows the threshold, and which counts are hidden.
    effects : Effects
        As estimated.
    averages : dict of "overall", "cohort", ... to records
        Their averages.
    ruled : set of (outcome, by, level)
        Those that a rule other than that of counts hides; of cells also as (outcome, "cell", (cohort, year)).
    """
    few = {label_of(by, row) for by, rows in averages.items() for row in rows if _has_few(ledger, row)}
    secret = few | {label for label in ruled if label[1] in averages}
    hidden = secret | _with_counts(ledger, averages)
    cells = _few_cells(ledger, effects, ruled)
    for outcome in dict.fromkeys(effects.table["outcome"]):
        own = (effects.table["outcome"] == outcome).to_numpy(dtype=bool)
        labels, weights = _weights(effects, averages, str(outcome))
        weights = weights[:, own]
        secrets = np.vstack([weights[[label in secret for label in labels]], np.eye(own.sum())[cells[own]]])
        too_many = [label[1] == "year" for label in labels] & linked(weights, secrets)
        hidden |= {labels[i] for i in np.flatnonzero(too_many)}
        shown = np.flatnonzero([label not in hidden for label in labels])
        hidden |= {labels[i] for i in shown[kept_back(weights[shown], secrets)]}
    return frozenset(hidden)


def _has_few(ledger: Ledger, row: Any) -> bool:  # noqa: ANN401 - a record of effects
    return too_few_compared(row["n_treated"], row["n_control"], ledger.threshold)


def _with_counts(ledger: Ledger, averages: Averages) -> set[Label]:
    """Return averages that are hidden with their count, to protect another one."""
    rows = ledger.hiding.rows
    found = {label_of(by, r) for by, own in averages.items() if by != "overall" for r in own if row_cell(by, r) in rows}
    for row in averages["overall"]:
        if any(one.total in rows for one in weight_sums(averages, row["outcome"])):
            found.add(label_of("overall", row))
    return found


def _few_cells(ledger: Ledger, effects: Effects, ruled: Set[Label]) -> NDArray[np.bool_]:
    """Say which effects as estimated have few firms, or are made by one or two of them."""
    rows = effects.table[["outcome", "cohort", "year", "n_treated", "n_control"]].to_dict("records")
    return np.array([_has_few(ledger, r) or (r["outcome"], "cell", (r["cohort"], r["year"])) in ruled for r in rows])


def _weights(effects: Effects, averages: Averages, outcome: str) -> tuple[list[Label], NDArray[np.float64]]:
    """Return the averages of an outcome in order of need, and the weight of each effect as estimated in each."""
    labels: list[Label] = []
    weights = []
    for by in IN_ORDER:
        if by not in averages:
            continue
        rows = [(i, label_of(by, row)) for i, row in enumerate(averages[by]) if row["outcome"] == outcome]
        labels += [label for _, label in rows]
        weights.append(weights_of(effects, by)[[i for i, _ in rows]])
    return labels, np.vstack(weights)
