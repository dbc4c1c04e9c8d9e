"""Amounts that stand in the names of groups: where they were taken from the data, they are quantiles of awards."""

import re

import numpy as np

from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.reporting.disclosure.order_statistics import too_few_beyond
from evalkit.reporting.words import HIDDEN

AMOUNT = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w|:)")
"""An amount in the name of a group: "2: 200 to 500" has two, "1.5e+16" is one; the number of a bin is none."""


def told_names(effects: Effects, sample: MatchedSample) -> dict[str, str]:
    """Return what a release calls the groups of effects by amount: "[X] 1" where an amount is near an extreme one.

    Declared amounts are no quantiles. Nothing for other effects.
    """
    options = effects.options
    if not {"cuts", "points", "unit"} <= set(options) or options["cuts"] or options["points"]:
        return {}
    panel = sample.panel
    supported = (panel.cohort > 0) & (sample.weight > 0)
    dose = panel.read([panel.dose]).column(0).cast("float64").to_numpy()[supported] / options["unit"]
    dose = dose[np.isfinite(dose)]
    names = [str(name) for name in dict.fromkeys(effects.table["group"].dropna())]
    shares = {name: [float((dose <= float(a)).mean()) for a in AMOUNT.findall(name)] for name in names}
    few = [name for name in names if any(too_few_beyond(len(dose), share) for share in shares[name])]
    return {name: f"{HIDDEN} {i}" for i, name in enumerate(few, 1)}
