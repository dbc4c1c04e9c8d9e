"""Sealing: what firm-years from the first award on hold is taken out as text, before any value of it is read."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import DesignError
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.conform import KEYS, Typed, parts, read_field
from evalkit.etl.layouts import Field
from evalkit.etl.panel.baseline import baseline_period
from evalkit.etl.panel.locations import firm_states
from evalkit.etl.panel.sites import ROW_KEY
from evalkit.etl.source import SourceText
from evalkit.model.panel import COHORT, FIRM
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

TELL_THE_ROW = KEYS | {"firm_scheme", ROW_KEY}


def last_open_period(study: Study, typed: Mapping[str, Typed]) -> int:
    """Return the last period whose firm-years may be read: the baseline, before any firm may react to an award.

    Parameters
    ----------
    study : Study
        The question.
    typed : dict of role to Typed
        Awards, and firms where there are any.
    """
    records = firm_states(typed.get("firms"), study.firms.history)[0].now
    cohorts = first_awards(typed["awards"], study, _named(typed["awards"], records), records).cohorts
    return baseline_period(study, cohorts.column(COHORT).to_numpy().astype(np.int64))


def sealed(text: SourceText, fields: Sequence[Field], last_open: int) -> SourceText:
    """Return the firm-years with nothing but what tells the row in rows after `last_open`, or without a year.

    What tells it are firm, year, and the key and the scheme of ids where there are such.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    year = next(field for field in fields if field.name == "fiscal_year")
    years = pa.chunked_array([read_field(part, year)[1].values for _, part in parts(text, [year.name])], pa.int32())
    is_open = pc.fill_null(pc.less_equal(years, last_open), False)
    others = [field.name for field in fields if field.name not in TELL_THE_ROW and text.has(field.name)]
    emptied = {name: pc.if_else(is_open, text.texts(name), "") for name in others}
    return dataclasses.replace(text, derived={**text.derived, **emptied})


def require_open(period: int, last_open: int) -> None:
    """Refuse a baseline among the sealed years: the firms of the population have later awards than others.

    Raises
    ------
    DesignError
        `E_BASELINE`.
    """
    if period > last_open:
        raise DesignError(
            f"the baseline period is {period}, and firm-years are sealed after {last_open}, the year before the first "
            "award of any firm", where="covariates.period", code="E_BASELINE",
            hint=f"declare covariates.period = {period}",
        )  # fmt: skip


def _named(awards: Typed, records: Typed | None) -> "pa.Array":
    """Return all firms that awards or records name, as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = [t.rows.column(FIRM).cast(pa.string()) for t in (awards, records) if t and FIRM in t.rows.column_names]
    return pc.unique(pa.chunked_array([c for column in found for c in column.chunks], pa.string())).drop_null()
