"""p-values adjusted for having looked at several outcomes: Holm's, within the primary and within the other outcomes."""

import numpy as np

from evalkit.errors import EstimationError
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Number, Row
from evalkit.reporting.disclosure.ledger import Ledger, part_of_id, row_of
from evalkit.stats.aggregate import aggregate
from evalkit.stats.multiplicity import adjust

FAMILIES = ("primary", "secondary")


def release_families(ledger: Ledger, name: str, effects: Effects) -> list[Row]:
    """Release the adjusted p-values of one estimate's overall effects.

    The families are those that the study declares before there are results: its primary outcomes, and all others.
    Negative controls are in none: no result is claimed of them. Where the p-value itself is hidden, so is this one.

    Returns
    -------
    list of Row
        One per outcome with its `family` and `p_value`.

    Reference
    ---------
    Holm (1979), Scandinavian Journal of Statistics 6(2), as in `stats.multiplicity.adjust`.
    """
    overall = aggregate(effects, "overall")
    planned = [o for o in effects.outcomes if not o.negative_control]
    rows = []
    for family in FAMILIES:
        names = [o.name for o in planned if o.primary == (family == "primary")]
        members = np.flatnonzero(overall.table["outcome"].isin(names).to_numpy())
        if not len(members):
            continue
        own = overall.take(members)
        for record, p_value in zip(own.table.to_dict("records"), _adjusted(own), strict=True):
            outcome = str(record["outcome"])
            number = Number(
                f"families.{part_of_id(name)}.{part_of_id(outcome)}.p_value", p_value, "p_value",
                str(record["estimand"]), outcome, effects.method,
            )  # fmt: skip
            hide = ledger.hides(f"effects.{part_of_id(name)}.overall.{part_of_id(outcome)}.p_value")
            rows.append(row_of({"outcome": outcome, "family": family}, {"p_value": ledger.put(number, hide=hide)}))
    return rows


def _adjusted(effects: Effects) -> list[float]:
    try:
        return [float(p) for p in adjust(effects, "holm")]
    except EstimationError:
        return [float("nan")] * len(effects.table)
