"""Facts on bias that no check tells: the share of awards linked, and what is missing in each group."""

import math

from evalkit.model.evaluation import Evaluation, Number
from evalkit.reporting.disclosure.flow_table import overall_cell
from evalkit.reporting.disclosure.ledger import Ledger
from evalkit.reporting.grading import linked, missing_shares


def release_limits(ledger: Ledger, evaluation: Evaluation) -> None:
    """Release the share of awards that found a firm, and of values of the primary outcome that are missing by group.

    A share that stands for a small count of awards, or of firm-years, is hidden.
    """
    steps = {step.step: step for step in evaluation.flow.steps}
    step = steps.get("link: one firm") or steps.get("link to firms")
    if step is not None and step.n_in:
        share = linked(evaluation)
        n_found = round(share * step.n_in)
        parts = (n_found, step.n_in - n_found)
        hide = ledger.small(*parts) or any(map(ledger.is_concealed, (step.n_in, *parts)))
        ledger.put(Number("limits.linked", share, "share"), hide=hide)
    sample = evaluation.sample
    shares = missing_shares(sample)
    for group, share, n in zip(("treated", "control"), shares, (sample.n_treated, sample.n_control), strict=True):
        n_cells = n * len(sample.panel.periods)
        n_missing = 0 if math.isnan(share) else round(share * n_cells)
        hide = ledger.small(n, n_missing, n_cells - n_missing)
        number = Number(f"limits.missing_{group}", share, "share", outcome=evaluation.study.primary.name)
        ledger.put(number, hide=hide, tells=[overall_cell(f"n_{group}", n)] if n_missing else [])
