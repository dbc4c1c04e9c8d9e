"""The frozen question: programme, population, outcomes, methods, report, seed.

Names of columns and methods only; never formulas or code.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evalkit.model.study_awards import Comparison, Link, Treatment
from evalkit.model.study_covariates import Covariate, Covariates
from evalkit.model.study_firms import Firms
from evalkit.model.study_part import Name, StudyPart
from evalkit.model.study_plan import LoweredGrade, Plan
from evalkit.model.study_programme import Assumption, Programme, Roles
from evalkit.model.study_rehearsal import Rehearsing
from evalkit.model.study_report import Decision, Edition, Limits, Publish
from evalkit.model.study_values import Deflate, FiscalPeriods, Reconcile, Rule, Units

Language = Literal["en", "ja"]
Transform = Literal["level", "log", "asinh", "growth", "share", "binary"]
Unit = Literal["one", "yen", "thousand_yen", "million_yen"]
THRESHOLDS = {"release": 10, "open": 10, "jp_table": 3, "acro": 10, "opensafely": 8}
"""Fewest distinct firms behind a number, by profile of disclosure control."""


class Source(StudyPart):
    """One input: its layout, where the files lie, and which column is which.

    `columns` maps a canonical name to the header in the file; a header that is the canonical name needs no entry.
    `firm_scheme` says what a firm id is: a Japanese corporate number with its check digit, an invoice number (T and
    thirteen digits), one of the foreign schemes, what a column `firm_scheme` says row by row, or any other text. Ids of
    two schemes are never equal: those of foreign schemes have its name in front ("uk:01234567").
    `missing` are texts for "not available", `suppressed` for "known and not shown"; `zero` names columns with a text
    that means 0 there. `excel_serial` reads five digits in a date column as a spreadsheet's day number;
    `date_order` reads dates that end in their year. `nonnegative` names columns, sales for example, in which a value
    below zero is an error.

    A path `postgresql:NAME` means a table or view of the database whose URL is in the environment variable
    `EVALKIT_POSTGRES_NAME`: `table` is "schema.table". Each import of a source with an `archive` is kept below
    `vintages/<archive>`, which sources of several studies may share; a database needs one. `vintage` dates what is
    imported where the file's name does not: YYYY, YYYY-MM or YYYY-MM-DD. `fiscal_year_from` "vintage" gives rows
    without a year that of their vintage, "period_end" the fiscal year of the study in which their column `period_end`
    lies. `licence` is a note for people. `combine` "sum" adds up several rows of one
    firm-year, those of its workplaces for example: number columns with a declared unit or type are added, all others
    must agree. Equal rows are one row only where a `row_key` says so.

    `codes` names a CSV file with a column `code` for columns that hold codes: others are counted. `concordance` names
    one with `former_code` and `code`, by which codes of an earlier revision are translated.

    `arrived` names the file that whoever delivers the files writes last: an empty one, or hashes as `sha256sum` lists
    them. Without it, or where a hash differs, the source counts as not there yet.
    """

    layout: Name
    path: Name
    columns: dict[str, str] = {}
    unit: dict[str, Unit] = {}
    types: dict[str, Literal["number", "category"]] = {}
    firm_scheme: Literal[
        "corporate_number", "invoice_number", "corporate_or_invoice", "uk_company", "eu_vat", "duns", "uei", "by_row",
        "other",
    ] = "corporate_number"  # fmt: skip
    encoding: Literal["auto", "utf-8", "cp932", "utf-16"] = "auto"
    sheet: str = ""
    missing: tuple[str, ...] = ("",)
    suppressed: tuple[str, ...] = ()
    zero: dict[str, str] = {}
    excel_serial: bool = False
    date_order: Literal["ymd", "dmy", "mdy"] = "ymd"
    nonnegative: tuple[str, ...] = ()
    table: str = ""
    arrived: str = ""
    archive: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")] = ""
    vintage: Annotated[str, Field(pattern=r"^([0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?)?$")] = ""
    fiscal_year_from: Literal["", "vintage", "period_end"] = ""
    licence: str = ""
    combine: Literal["", "sum"] = ""
    codes: dict[str, str] = {}
    concordance: dict[str, str] = {}

    @property
    def column_types(self) -> dict[str, Literal["number", "category"]]:
        """The declared types of columns; codes are categories."""
        return {**self.types, **dict.fromkeys(self.codes, "category")}

    @model_validator(mode="after")
    def _concordance(self) -> "Source":
        if set(self.concordance) - set(self.codes):
            raise ValueError("a concordance needs codes, the list of codes that it leads to, for the same column")
        return self

    @model_validator(mode="after")
    def _database(self) -> "Source":
        is_database = self.path.startswith("postgresql:")
        if is_database != bool(self.table):
            raise ValueError('path = "postgresql:NAME" and table = "schema.table" go together')
        if is_database and not re.fullmatch(r"postgresql:[A-Z0-9_]+", self.path):
            raise ValueError("path must be postgresql:NAME, NAME in capitals; the URL is in EVALKIT_POSTGRES_NAME")
        if is_database and not re.fullmatch(r"[^.\0]+\.[^.\0]+", self.table):
            raise ValueError('table must be "schema.table"')
        if is_database and self.arrived:
            raise ValueError("a table has no file that says it has arrived")
        if is_database and not self.archive:
            raise ValueError("a table changes, so what is read of it is kept: name an archive")
        return self


class Sources(StudyPart):
    """The inputs of a study. `firms` is optional when the firm-years carry all that is needed.

    `mergers` has one row per absorbed firm, for studies whose firms do not name their successors; `deflators` a price
    index by fiscal year.
    """

    awards: Source
    firm_years: Source
    firms: Source | None = None
    mergers: Source | None = None
    deflators: Source | None = None


class Period(StudyPart):
    """First and last period, and the month and day on which a fiscal year starts."""

    first: int
    last: int
    fiscal_year_start: str = "04-01"

    @field_validator("fiscal_year_start")
    @classmethod
    def _month_day(cls, text: str) -> str:
        if not re.fullmatch(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", text):
            raise ValueError("must be MM-DD, for example 04-01")
        return text

    @model_validator(mode="after")
    def _two_periods(self) -> "Period":
        if self.last <= self.first:
            raise ValueError("last must come after first")
        return self

    @property
    def labels(self) -> tuple[int, ...]:
        """All periods in order."""
        return tuple(range(self.first, self.last + 1))


class Condition(StudyPart):
    """One condition on firms: a column in a list of values, or between bounds (inclusive)."""

    column: Name
    at: Literal["baseline"] | None = None
    among: tuple[str, ...] | None = Field(default=None, alias="in")
    min: float | int | None = None
    max: float | int | None = None


class Population(StudyPart):
    """Which firms the question is about."""

    where: tuple[Condition, ...] = ()


class Outcome(StudyPart):
    """One outcome: a firm-year column, and the scale on which effects are estimated.

    `nonpositive` says what a value is that has no logarithm: "refuse" (default) or "missing" (counted). `winsor` moves
    values beyond two quantiles to them, [0.01, 0.99] for example; quantiles are those of each period, or of all.
    A `negative_control` is an outcome that the award cannot change: what is found of it is bias or chance.
    """

    name: Name
    column: str = ""
    transform: Transform = "level"
    primary: bool = False
    negative_control: bool = False
    unit: str = ""
    nonpositive: Literal["refuse", "missing"] = "refuse"
    winsor: tuple[float, float] | None = None
    winsor_by: Literal["period", "all"] = "period"
    label: dict[str, str] = {}

    @model_validator(mode="after")
    def _control(self) -> "Outcome":
        if self.primary and self.negative_control:
            raise ValueError("an outcome that the award cannot change is not what the study is about: drop primary")
        return self

    @model_validator(mode="after")
    def _winsor(self) -> "Outcome":
        if self.winsor is not None and not 0 <= self.winsor[0] < self.winsor[1] <= 1:
            raise ValueError("winsor must be two shares in order, for example [0.01, 0.99]")
        if self.winsor is not None and self.transform not in ("level", "log", "asinh"):
            raise ValueError("only outcomes in level, log or asinh can be winsorised")
        return self

    @model_validator(mode="before")
    @classmethod
    def _column_is_name(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, Mapping) and not data.get("column") and "name" in data:
            return {**data, "column": data["name"]}
        return data


class MethodSpec(BaseModel):
    """A method by name with its options, as the study file gives them."""

    model_config = ConfigDict(extra="allow", frozen=True)
    method: Name

    @property
    def options(self) -> dict[str, Any]:
        """The options without the method's name."""
        return {k: tuple(v) if isinstance(v, list) else v for k, v in (self.model_extra or {}).items()}


class Inference(StudyPart):
    """How standard errors are corrected, and the level of intervals; one choice for all estimators.

    `correction` "auto" takes CR1 with at least 50 treated clusters, and CR2 with the degrees of freedom of Bell and
    McCaffrey with fewer. `bootstrap` takes simultaneous bands from draws in which every firm, or cluster, counts a
    random number of times: multipliers after Rademacher or Mammen. `seed` is the study's own unless given.
    """

    correction: Literal["auto", "cr1", "cr2", "cr3"] = "auto"
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    bootstrap: Literal["none", "rademacher", "mammen"] = "none"
    draws: Annotated[int, Field(ge=99)] = 999
    seed: int | None = None


class Report(StudyPart):
    """What is rendered; `interactive` lets figures of the HTML page answer to pointer and keyboard, by a script.

    `labels` says what texts of the data, units and categories, are called in each language.
    """

    formats: tuple[Literal["html", "docx", "pdf", "xlsx", "md"], ...] = ("html",)
    languages: tuple[Language, ...] = ("en", "ja")
    interactive: bool = False
    labels: dict[str, dict[Language, str]] = {}


class Disclosure(StudyPart):
    """The rules a release must pass: a profile, and fewest distinct firms behind a published number if not its own."""

    profile: Literal["release", "open", "jp_table", "acro", "opensafely"] = "release"
    threshold: Annotated[int, Field(ge=1)] = 10

    @model_validator(mode="before")
    @classmethod
    def _threshold(cls, data: Any) -> Any:  # noqa: ANN401
        profile = data.get("profile", "release") if isinstance(data, Mapping) else None
        return {"threshold": THRESHOLDS[profile], **data} if profile in THRESHOLDS else data


class Study(StudyPart):
    """The frozen question; every stage reads it and none changes it."""

    format: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: dict[str, str]
    about: dict[str, str] = {}
    seed: int = 0
    sources: Sources
    link: Link = Link()
    firms: Firms = Firms()
    reconcile: tuple[Reconcile, ...] = ()
    units: Units | None = None
    fiscal_periods: FiscalPeriods | None = None
    deflate: Deflate | None = None
    rule: tuple[Rule, ...] = ()
    treatment: Treatment = Treatment()
    period: Period
    population: Population = Population()
    comparison: tuple[Comparison, ...] = ()
    outcome: tuple[Outcome, ...]
    covariates: Covariates = Covariates()
    inference: Inference = Inference()
    plan: Plan = Plan()
    rehearsal: Rehearsing = Rehearsing()
    programme: Programme = Programme()
    roles: Roles = Roles()
    assumption: tuple[Assumption, ...] = ()
    grade: LoweredGrade | None = None
    match: MethodSpec = MethodSpec(method="none")
    estimate: tuple[MethodSpec, ...] = (MethodSpec(method="group_time"),)
    check: tuple[MethodSpec, ...] = ()
    report: Report = Report()
    disclosure: Disclosure = Disclosure()
    limits: Limits = Limits()
    edition: Edition = Edition()
    decision: tuple[Decision, ...] = ()
    publish: Publish = Publish()

    @field_validator("outcome")
    @classmethod
    def _distinct(cls, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        if not outcomes:
            raise ValueError("at least one outcome is needed")
        if len({o.name for o in outcomes}) < len(outcomes):
            raise ValueError("two outcomes have the same name")
        winsors = {(o.column, o.winsor, o.winsor_by) for o in outcomes}
        if len(winsors) > len({o.column for o in outcomes}):
            raise ValueError("two outcomes of one column must be winsorised alike")
        if outcomes[0].negative_control:
            raise ValueError("the first outcome must be one that the award may change; name negative controls after it")
        return outcomes

    @model_validator(mode="after")
    def _prices(self) -> "Study":
        if (self.deflate is None) != (self.sources.deflators is None):
            raise ValueError("deflate and sources.deflators go together")
        return self

    @model_validator(mode="after")
    def _signed(self) -> "Study":
        if self.edition.status == "final" and not self.is_assured:
            raise ValueError('edition.status = "final" needs roles.assurer, and another person as roles.analyst')
        return self

    def _repr_html_(self) -> str:
        from evalkit.model.study_html import study_html

        return study_html(self)

    @property
    def is_assured(self) -> bool:
        """Whether an analyst and somebody else, who assured the report, are named."""
        analyst, assurer = (" ".join(name.split()).casefold() for name in (self.roles.analyst, self.roles.assurer))
        return bool(analyst and assurer) and analyst != assurer

    @property
    def seeded_inference(self) -> Inference:
        """The choices of inference with the seed that holds."""
        own = self.inference
        return own if own.seed is not None else own.model_copy(update={"seed": self.seed})

    @property
    def clusters(self) -> tuple[str, ...]:
        """The columns that clusters larger than firms come from."""
        named = self.covariates.clusters
        return () if named == "firm" else (named,) if isinstance(named, str) else named

    @property
    def primary(self) -> Outcome:
        """The primary outcome, or the first one."""
        return next((o for o in self.outcome if o.primary), self.outcome[0])

    @property
    def planned(self) -> tuple[Outcome, ...]:
        """The outcomes that are asked about: all but the negative controls."""
        return tuple(o for o in self.outcome if not o.negative_control)

    @property
    def baseline(self) -> tuple[Covariate, ...]:
        """The covariates, short forms spelled out."""
        return tuple(map(Covariate.of, self.covariates.baseline))

    @property
    def time_varying(self) -> tuple[Covariate, ...]:
        """The covariates by period, short forms spelled out."""
        return tuple(map(Covariate.of, self.covariates.time_varying))
