"""Covariates of a study: at baseline, by period, and the clusters that firms belong to."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from evalkit.model.study_part import Name, StudyPart


class Covariate(StudyPart):
    """One baseline covariate: a firm column, or a firm-year column at the baseline period on a scale.

    `lag` takes a firm-year column as many periods before the baseline; growth is over `years`, in logs.
    """

    name: Name
    column: str
    transform: Literal["level", "log", "asinh", "growth"] = "level"
    lag: Annotated[int, Field(ge=0)] = 0
    years: Annotated[int, Field(ge=1)] = 1

    @classmethod
    def of(cls, named: "str | Covariate") -> "Covariate":
        """Return a covariate, a short form spelled out."""
        return cls.from_short(named) if isinstance(named, str) else named

    @classmethod
    def from_short(cls, short: str) -> "Covariate":
        """Read the short forms `log_X`, `asinh_X` and `X_growth`; any other text is a column as it stands."""
        for prefix in ("log", "asinh"):
            if short.startswith(f"{prefix}_"):
                return cls(name=short, column=short[len(prefix) + 1 :], transform=prefix)
        if short.endswith("_growth"):
            return cls(name=short, column=short.removesuffix("_growth"), transform="growth")
        return cls(name=short, column=short)


class Covariates(StudyPart):
    """Covariates at baseline, the baseline period (default: before the first cohort), and the clusters.

    `clusters` is "firm", or one or two columns of the firms (or firm-years at baseline) that firms belong to: errors
    may then be related within an industry or a prefecture. `time_varying` are firm-year numbers that the panel keeps
    by period, for regressions that hold them beside the award; `log_X` and `asinh_X` are on that scale.
    """

    baseline: tuple[str | Covariate, ...] = ()
    time_varying: tuple[str | Covariate, ...] = ()
    period: int | None = None
    clusters: Name | Annotated[tuple[Name, ...], Field(min_length=1, max_length=2)] = "firm"

    @field_validator("time_varying")
    @classmethod
    def _by_period(cls, named: tuple[str | Covariate, ...]) -> tuple[str | Covariate, ...]:
        if any(c.lag or c.transform == "growth" for c in map(Covariate.of, named)):
            raise ValueError("a covariate by period is in level, log or asinh, without lag")
        return named
