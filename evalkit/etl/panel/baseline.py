"""What firms are at baseline: covariates, and the conditions of the population."""

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import DesignError
from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.numbers import real
from evalkit.etl.needs import Need, covariate_need
from evalkit.etl.panel.firm_records import find
from evalkit.etl.panel.firm_years import Grid
from evalkit.model.study import Condition, Study
from evalkit.model.study_covariates import Covariate

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, eq=False)
class Baseline:
    """Firms as they were before treatment.

    Parameters
    ----------
    study : Study
        Covariates and population.
    grid : Grid
        Firm-years of the firms asked about.
    records : Table or None
        Firm records, one per firm, sorted by firm.
    period : int
        The baseline period.
    """

    study: Study
    grid: Grid
    records: "pa.Table | None"
    period: int

    def covariate(self, covariate: Covariate) -> "tuple[pa.Array, Literal['number', 'category']]":
        """Return a covariate on its scale (n_firms,) and its kind; null where it is not known."""
        need = covariate_need(self.study, covariate, self._has_record_column)
        if need.type == "infer":
            is_number = f"number:{need.column}" in self._names(need.role)
            need = Need(need.role, need.column, "number" if is_number else "category")
        values = self._column(need, covariate.lag)
        if need.type == "category":
            return values, "category"
        if covariate.transform == "growth":
            before = self._at(f"number:{need.column}", covariate.lag + covariate.years)
            return real(np.log(_positive(values)) - np.log(_positive(before))), "number"
        return _transformed(values, covariate.transform), "number"

    def by_period(self, covariate: Covariate) -> "dict[str, pa.Array]":
        """Return a covariate on its scale in all periods, by column of the panel; null where it is not known."""
        grid, column = self.grid, f"number:{covariate.column}"
        return {f"{covariate.name}@{p}": _transformed(grid.at(column, p), covariate.transform) for p in grid.periods}

    def meets(self, condition: Condition) -> NDArray[np.bool_]:
        """Find the firms (n_firms,) that meet a condition; a missing value does not."""
        import pyarrow as pa
        import pyarrow.compute as pc

        role = "firm_years" if condition.at == "baseline" else "firms"
        is_met = np.ones(len(self.grid.firms), bool)
        if condition.among is not None:
            texts = self._column(Need(role, condition.column, "category"))
            among = pa.array([clean(text) for text in condition.among], pa.string())
            is_met &= pc.is_in(texts, among).to_numpy(zero_copy_only=False)
        if condition.min is not None or condition.max is not None:
            values = _float(self._column(Need(role, condition.column, "number")))
            low = -np.inf if condition.min is None else condition.min
            high = np.inf if condition.max is None else condition.max
            is_met &= (values >= low) & (values <= high)
        return is_met

    def _at(self, column: str, lag: int = 0) -> "pa.Array":
        """Return a firm-year column at the baseline period, or `lag` periods before it."""
        period, periods = self.period - lag, self.grid.periods
        if period not in periods:
            raise DesignError(
                f"the baseline needs the period {period}, which is outside the study's",
                where="covariates.period",
                code="E_BASELINE",
                hint=f"set covariates.period between {periods[0] + lag} and {periods[-1]}, or period.first earlier",
            )
        return self.grid.at(column, period)

    def _column(self, need: Need, lag: int = 0) -> "pa.Array":
        name = f"{need.type}:{need.column}"
        if need.role == "firm_years" or self.records is None:
            return self._at(name, lag)
        return self.records.column(name).combine_chunks().take(self._record)

    @cached_property
    def _record(self) -> "pa.Array":
        """The row of each firm (n_firms,) among the records, null where it has none."""
        import pyarrow as pa

        if self.records is None:
            return pa.nulls(len(self.grid.firms), pa.int64())
        place = find(self.grid.firms, self.records.column("firm_id").combine_chunks())
        return pa.array(place, mask=place < 0)

    def _names(self, role: str) -> list[str]:
        if role == "firm_years" or self.records is None:
            return list(self.grid.columns)
        names: list[str] = self.records.column_names
        return names

    def _has_record_column(self, column: str) -> bool:
        names = [] if self.records is None else self.records.column_names
        return any(f"{kind}:{column}" in names for kind in ("number", "category"))


def baseline_period(study: Study, cohort: NDArray[np.int64]) -> int:
    """Return the declared baseline period, or the last one before any firm (n_firms,) may react to an award.

    Cohorts without a period before them inside the study do not count.
    """
    if study.covariates.period is not None:
        return study.covariates.period
    reach = 1 + study.treatment.anticipation
    inside = cohort[(cohort >= study.period.first + reach) & (cohort <= study.period.last)]
    return int(inside.min()) - reach if len(inside) else study.period.first


def _transformed(values: "pa.Array", transform: str) -> "pa.Array":
    if transform == "log":
        return real(np.log(_positive(values)))
    return real(np.arcsinh(_float(values))) if transform == "asinh" else values


def _float(values: "pa.Array") -> NDArray[np.float64]:
    found: NDArray[np.float64] = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _positive(values: "pa.Array") -> NDArray[np.float64]:
    """Return the values, NaN where there is no logarithm."""
    found = _float(values)
    return np.where(found > 0, found, np.nan)
