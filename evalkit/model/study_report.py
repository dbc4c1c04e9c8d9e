"""What a study says about its report: edition, sign-off, decisions, and how far its findings go."""

from typing import Annotated, Literal

from pydantic import Field

from evalkit.model.study_part import Name, StudyPart
from evalkit.model.study_programme import Texts

Day = Annotated[str, Field(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))?$")]
DOMAINS = (
    "confounding", "selection", "classification", "deviations", "missing_data", "measurement", "reported_result",
)  # fmt: skip
"""The seven domains of ROBINS-I, in order."""
WRITTEN_LATER: dict[str, bool | set[str]] = {
    "edition": True, "decision": True, "publish": True, "limits": {"bias", "external_validity", "displacement"},
}  # fmt: skip
"""What people write about findings that are there: a lock of the plan does not freeze it."""


class Edition(StudyPart):
    """One edition of the report: version, day, status, the assurer's statement, and until when it may be relied on.

    `date` and `sunset` are days that people give (YYYY-MM-DD); no clock is looked at. An edition dated after its sunset
    says so on every page. "final" needs an assurer other than the analyst.
    """

    version: str = ""
    date: Day = ""
    status: Literal["draft", "final"] = "draft"
    sunset: Day = ""
    assurance: Texts = {}

    @property
    def is_past_sunset(self) -> bool:
        """Whether the edition is dated after the day until which it may be relied on."""
        return bool(self.date and self.sunset) and self.date > self.sunset


class Decision(StudyPart):
    """One line of the decisions log: what was decided, why, who did and when."""

    text: Annotated[Texts, Field(min_length=1)]
    why: Texts = {}
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
    by: Name


class Judgement(StudyPart):
    """What a person makes of one source of bias: how serious, which way it pushes the estimate, and why.

    Reference
    ---------
    Sterne et al. (2016), ROBINS-I: a tool for assessing risk of bias in non-randomised studies of interventions, BMJ
    355, table 3: the levels of risk.
    """

    risk: Literal["low", "moderate", "serious", "critical", "no_information"]
    direction: Literal["none", "upwards", "downwards", "towards_zero", "away_from_zero", "unknown"]
    by: Name
    why: Texts = {}


class Bias(StudyPart):
    """Judgements on the seven domains of ROBINS-I; what is left out is not judged."""

    confounding: Judgement | None = None
    selection: Judgement | None = None
    classification: Judgement | None = None
    deviations: Judgement | None = None
    missing_data: Judgement | None = None
    measurement: Judgement | None = None
    reported_result: Judgement | None = None


class Publish(StudyPart):
    """How old a source may be for a new edition, in days from its newest vintage to the day of the edition.

    A vintage is dated as everywhere: by the name of its file or folder, or by `vintage`. One that is known to the month
    or year counts from the first day of it.
    """

    max_age_days: dict[
        Literal["awards", "firm_years", "firms", "mergers", "deflators"], Annotated[int, Field(ge=1)]
    ] = {}


class Limits(StudyPart):
    """Largest share of quarantined rows and of quarantined award money that a build accepts, and limits in words.

    `bias` holds a person's judgements; `external_validity` says to whom the finding carries over, `displacement`
    whether firms that were not supported gained or lost by the programme.
    """

    quarantined_rows: Annotated[float, Field(ge=0, le=1)] = 0.01
    quarantined_amount: Annotated[float, Field(ge=0, le=1)] = 0.001
    bias: Bias = Bias()
    external_validity: Texts = {}
    displacement: Texts = {}
