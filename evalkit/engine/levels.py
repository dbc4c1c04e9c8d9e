"""Which firms have certain levels of a covariate."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evalkit.errors import DesignError, StudyError, UnknownNameError, did_you_mean
from evalkit.model.panel import Panel


def has_level(panel: Panel, name: str, levels: tuple[str, ...]) -> NDArray[np.bool_]:
    """Say which firms (n_firms,) have one of some levels of a covariate.

    Parameters
    ----------
    panel : Panel
        The firms.
    name : str
        A category; or a number that is 0 or 1, which needs no levels.
    levels : tuple of str
        Of the category.

    Raises
    ------
    UnknownNameError
        Not a covariate of the panel, or not a level of it.
    StudyError
        A category without levels, or a number that is not 0 or 1 (`E_OPTION`).
    DesignError
        Some firms lack the covariate (`E_NO_VALUE`).
    """
    kind = panel.covariate(name).kind
    column = panel.read([name]).column(0).combine_chunks()
    if column.null_count:
        raise DesignError(
            f"{column.null_count} firms have no '{name}'", where=name, code="E_NO_VALUE",
            hint="leave these firms out of the population",
        )  # fmt: skip
    known = pc.unique(column).to_pylist()
    if kind == "number":
        if levels or not set(known) <= {0.0, 1.0}:
            raise StudyError("a number must be 0 or 1, and has no levels to name", where=name, code="E_OPTION")
        return np.asarray(column.to_numpy(zero_copy_only=False) == 1.0, dtype=bool)
    if not levels:
        raise StudyError("which levels of the category are meant must be named", where=name, code="E_OPTION")
    for level in levels:
        if level not in known:
            raise UnknownNameError(f"no firm has the level '{level}'", where=name, hint=did_you_mean(level, known))
    return np.asarray(
        pc.is_in(column, value_set=pa.array(levels, column.type)).to_numpy(zero_copy_only=False), dtype=bool
    )
