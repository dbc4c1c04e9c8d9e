"""What a study says about the values of firm-years, before they enter the panel."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evalkit.model.study_part import Name, StudyPart


class Reconcile(StudyPart):
    """Two columns of the firm-years that measure the same: a register's, and what firms report themselves.

    Values agree when they differ by at most `tolerance` of the larger. `keep` says which one stands where both are
    there; where only one is there it stands.
    """

    column: Name
    against: Name
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.05
    keep: Literal["column", "against"] = "column"


class Units(StudyPart):
    """What becomes of values that are 10, 1,000 or 1,000,000 times those of the years before and after.

    "count" leaves them, "missing" takes them out, "repair" divides by the factor. `columns` are columns of the
    firm-years; a period in which `most` of all firms jump by one factor is refused whatever is declared.
    """

    columns: tuple[Name, ...]
    action: Literal["count", "missing", "repair"] = "count"
    most: Annotated[float, Field(gt=0, le=1)] = 0.5


class FiscalPeriods(StudyPart):
    """What becomes of values of accounting periods that are not twelve months long.

    `column` holds their length in months, `columns` are those that add up over months (sales, not employees).
    """

    column: Name = "period_months"
    columns: tuple[Name, ...]
    action: Literal["count", "missing", "annualise"] = "missing"


class Deflate(StudyPart):
    """Columns in prices of the year `base`, by the index in `sources.deflators`; `by` names its industries' column."""

    columns: tuple[Name, ...]
    base: int
    by: str = ""


class Rule(StudyPart):
    """What a column of the firm-years must keep: bounds, another column as its most, or the sum of others.

    `tolerance` is a share of the larger side. "warn" counts, "missing" takes the values out, "refuse" stops.
    """

    column: Name
    min: float | None = None
    max: float | None = None
    at_most: str = ""
    sum_of: tuple[Name, ...] = ()
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    action: Literal["warn", "missing", "refuse"] = "warn"

    @model_validator(mode="after")
    def _something(self) -> "Rule":
        if self.min is None and self.max is None and not self.at_most and not self.sum_of:
            raise ValueError("a rule needs min, max, at_most or sum_of")
        return self
