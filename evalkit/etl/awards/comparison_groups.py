"""Named groups of untreated firms: who applied in vain, who was supported otherwise, who never applied."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError, EvalkitError, raise_all
from evalkit.etl.awards.first_awards import is_of_programmes
from evalkit.etl.awards.stages import stage_of
from evalkit.etl.conform import Typed
from evalkit.model.panel import FIRM
from evalkit.model.study import Study
from evalkit.model.study_awards import Comparison

if TYPE_CHECKING:
    import pyarrow as pa

NO_GROUP = -1


def comparison_groups(study: Study, listed: Typed, firms: "pa.Array", cohort: NDArray[np.int64]) -> "pa.Array":
    """Say which comparison group each untreated firm belongs to: the first that takes it.

    Parameters
    ----------
    study : Study
        Its comparison groups and programmes.
    listed : Typed
        All rows of awards, of any programme and stage, with the firms that exist now.
    firms : Array of int64 or string (n_firms,)
        Firms of the panel.
    cohort : (n_firms,) int64
        0 for untreated firms.

    Returns
    -------
    Array of string (n_firms,)
        Name of the group, null for treated firms and firms of no group.

    Raises
    ------
    DesignError
        A group has no firm (`E_NO_CONTROL`); all such groups are named.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = firms.cast(pa.string())
    group = np.full(len(ids), NO_GROUP, np.int64)
    errors: list[EvalkitError] = []
    for number, comparison in enumerate(study.comparison):
        rows = listed.rows.filter(pa.array(_rows_of(listed, comparison, study.treatment.programme)))
        is_listed = np.asarray(pc.is_in(ids, rows.column(FIRM).combine_chunks()).to_numpy(zero_copy_only=False), bool)
        takes = is_listed if comparison.of != "never_applied" else ~is_listed
        is_free = (group == NO_GROUP) & (cohort == 0)
        group[is_free & takes] = number
        if not (group == number).any():
            problem = (
                f"no untreated firm belongs to it: {len(rows):,} award rows; {int(is_listed.sum()):,} firms of the "
                f"panel in them, {int((is_listed & is_free).sum()):,} of these untreated and in no group before"
            )
            hint = "leave the group out, or name the stages, programmes or scores that the award list has"
            errors.append(DesignError(problem, where=f"comparison '{comparison.name}'", code="E_NO_CONTROL", hint=hint))
    raise_all(errors, "the comparison groups")
    names = pa.array([c.name for c in study.comparison], pa.string())
    return names.take(pa.array(group, mask=group == NO_GROUP))


def _rows_of(listed: Typed, comparison: Comparison, programmes: tuple[str, ...]) -> NDArray[np.bool_]:
    """Find the rows (n_rows,) that put a firm into a group; for "never_applied" those that keep it out."""
    rows = listed.rows
    wanted = comparison.programme or programmes
    found = is_of_programmes(listed, wanted) if wanted else np.ones(len(rows), bool)
    if comparison.stages:
        stages = {stage_of(text) for text in comparison.stages}
        texts = rows.column("stage").to_pylist()
        found &= np.array([stage_of(text or "") in stages for text in texts], bool)
    if comparison.score:
        score = rows.column(f"number:{comparison.score}").to_numpy()
        least = -np.inf if comparison.least is None else comparison.least
        most = np.inf if comparison.most is None else comparison.most
        found &= (score >= least) & (score <= most)
    return found
