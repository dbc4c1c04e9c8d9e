"""All awards of the firms of a panel, not only the first: clean windows, repeats, other programmes, amounts."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.awards.ledger import ledger
from evalkit.etl.conform import Typed
from evalkit.etl.grammar.numbers import real
from evalkit.etl.panel.firm_records import find
from evalkit.etl.panel.firm_years import Grid
from evalkit.etl.panel.successors_applied import Successors, are_numbers
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.panel import AWARD, DOSE, FIRM, OTHER_AWARD
from evalkit.model.study import Outcome, Study

if TYPE_CHECKING:
    import pyarrow as pa

NONE = np.iinfo(np.int64).max
"""The year of an award that there is not."""


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """Firms and fiscal years with an award.

    Parameters
    ----------
    own : Table
        What `ledger` tells of the study's programmes.
    others : Table
        The same of other programmes, without rows where the study does not look at them.
    """

    own: "pa.Table"
    others: "pa.Table"

    def is_clean(self, firms: "pa.Array", cohort: NDArray[np.int64], window: int) -> NDArray[np.bool_]:
        """Find the firms (n_firms,) without an award of any programme in some years before their first one.

        Firms never treated have no such years.
        """
        place, year = _placed(self.others, firms)
        is_near = (year < cohort[place]) & (year >= cohort[place] - window)
        return _none_of(place[is_near], len(firms))

    def has_no_other(self, firms: "pa.Array", first: int, last: int) -> NDArray[np.bool_]:
        """Find the firms (n_firms,) without an award of another programme from one period to another."""
        place, year = _placed(self.others, firms)
        return _none_of(place[(year >= first) & (year <= last)], len(firms))

    def second(self, firms: "pa.Array", cohort: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first year (n_firms,) with an award after that of the first award, `NONE` where there is none."""
        place, year = _placed(self.own, firms)
        second = np.full(len(firms), NONE)
        is_later = year > cohort[place]
        np.minimum.at(second, place[is_later], year[is_later])
        return second

    def amounts(self, firms: "pa.Array", year: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """Return the amount (n_firms,) awarded in one year, or in one of each firm: 0 for none, NaN if not known."""
        found = find(_like(self.own.column(FIRM).combine_chunks(), firms), firms)
        years, amounts = (self.own.column(name).to_numpy() for name in ("fiscal_year", "amount"))
        is_it = (found >= 0) & (years == np.broadcast_to(year, len(firms))[found])
        result = np.zeros(len(firms))
        result[found[is_it]] = amounts[is_it]
        return result


def history(awards: Typed, others: Typed | None, merged: Successors | None) -> History:
    """Return the history of awards; those of other programmes follow absorbed firms as the study's own have done."""
    own = ledger(awards)
    if others is None:
        return History(own, own.slice(0, 0))
    if merged:
        firms, _ = merged.of(others.rows.column(FIRM))
        others = others.with_rows(others.rows.set_column(others.rows.column_names.index(FIRM), FIRM, firms))
    return History(own, ledger(others))


def censored(grid: Grid, outcomes: tuple[Outcome, ...], second: NDArray[np.int64]) -> tuple[Grid, FlowStep]:
    """Take out the outcomes of firms from the year of their second award (n_firms,) on."""
    from_here = np.array(grid.periods)[:, None] >= second
    is_known, is_out = np.zeros(from_here.shape, bool), np.zeros(from_here.shape, bool)
    for column in dict.fromkeys(o.column for o in outcomes):
        values = grid.numbers(column)
        is_known |= ~np.isnan(values)
        is_out |= ~np.isnan(values) & from_here
        grid = grid.with_numbers(column, np.where(from_here, np.nan, values))
    n_in, n_out = int(is_known.sum()), int(is_out.sum())
    reason = "from the year of a second award on"
    return grid, FlowStep("repeat awards", "firm-years", n_in, n_in - n_out, quarantined=n_out, reason=reason)


def award_columns(study: Study, own: History, firms: "pa.Array", cohort: NDArray[np.int64]) -> "dict[str, pa.Array]":
    """Return the panel's columns on awards, those that the study asks for.

    The dose is in whole yen (or units of the currency of amounts without a money unit).
    """
    import pyarrow as pa

    columns: dict[str, pa.Array] = {}
    if study.treatment.overlap == "mark":
        is_single = own.has_no_other(firms, study.period.first, study.period.last)
        columns[OTHER_AWARD] = pa.array((~is_single).astype(np.float64))
    if study.treatment.dose:
        dose = own.amounts(firms, cohort)
        is_absent = np.isnan(dose) | (cohort == 0)
        columns[DOSE] = pa.array(np.rint(np.where(is_absent, 0, dose)).astype(np.int64), mask=is_absent)
    if study.treatment.path:
        columns |= {f"{AWARD}@{p}": real(own.amounts(firms, p)) for p in study.period.labels}
    return columns


def unknown_doses(study: Study, own: History, firms: "pa.Array", cohort: NDArray[np.int64]) -> Flow:
    """Count the treated firms whose dose is not known; they stay in the panel."""
    if not study.treatment.dose:
        return Flow()
    n_treated = int((cohort > 0).sum())
    n_unknown = int(np.isnan(own.amounts(firms, cohort)[cohort > 0]).sum())
    reason = f"the amount of the first award is not known: {n_unknown}" if n_unknown else ""
    return Flow().add(FlowStep("dose", "treated firms", n_treated, n_treated, reason=reason))


def _placed(events: "pa.Table", firms: "pa.Array") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the place among the firms, and the year, of each event of a firm that is there."""
    place = find(_like(events.column(FIRM).combine_chunks(), firms), firms)
    year = events.column("fiscal_year").to_numpy().astype(np.int64)
    return place[place >= 0], year[place >= 0]


def _like(ids: "pa.Array", firms: "pa.Array") -> "pa.Array":
    """Return firm ids as the numbers that the firms are, where all of them are numbers."""
    import pyarrow as pa

    return ids.cast(firms.type) if pa.types.is_integer(firms.type) and are_numbers(ids) else ids


def _none_of(place: NDArray[np.int64], n_firms: int) -> NDArray[np.bool_]:
    is_free = np.ones(n_firms, bool)
    is_free[place] = False
    return is_free
