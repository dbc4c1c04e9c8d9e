"""Rules that values must keep beyond their type, as the study declares them for a source."""

import numpy as np

from evalkit.etl.conform import Typed

RULE = "E_RULE"


def keep_rules(typed: Typed) -> Typed:
    """Set aside the rows with a value below zero in a column that the study calls non-negative (`E_RULE`)."""
    for name in typed.source.declared.nonnegative:
        column = next((n for n in (f"number:{name}", name) if n in typed.rows.column_names), None)
        if column:
            values = typed.rows.column(column).to_numpy()
            typed = typed.reject(np.asarray(values < 0, bool), typed.source.header(name), RULE)
    return typed
