"""What a study says about awards: which one counts, what else is known of them, and how they find their firms."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evalkit.model.study_part import StudyPart


class Treatment(StudyPart):
    """Which award makes a firm treated, and from when.

    `after_end` says what becomes of firms whose first award lies after the last period. `consortium` says how an
    award of several firms is shared among them: not at all, in equal parts, or by the awards' column `share`.

    With `clean_window` firms with an award of another programme in that many years before their first award leave the
    panel; with `overlap` "drop" so do firms with one in the study's periods, treated or not, and with "mark" the panel
    has the column `other_award`, 1 for these firms, which check `co_treatment` reads. `repeat` "drop" leaves out
    firms with an award in a later year of the study than their first, "censor" takes their outcomes out from that year
    on. `dose` gives the panel the amount of each firm's first year with an award, `path` that of every year. Amounts
    known only as a range have none, unless `ranges` is "midpoint".
    """

    programme: tuple[str, ...] = ()
    stage: str = ""
    cohort: Literal["first_award"] = "first_award"
    anticipation: Annotated[int, Field(ge=0)] = 0
    after_end: Literal["refuse", "not_yet_treated", "drop"] = "refuse"
    consortium: Literal["refuse", "equal", "share"] = "refuse"
    clean_window: Annotated[int, Field(ge=0)] = 0
    repeat: Literal["keep", "drop", "censor"] = "keep"
    overlap: Literal["keep", "mark", "drop"] = "keep"
    dose: bool = False
    path: bool = False
    ranges: Literal["unknown", "midpoint"] = "unknown"

    @model_validator(mode="after")
    def _other_programmes(self) -> "Treatment":
        if self.needs_others and not self.programme:
            raise ValueError("clean_window and overlap need programme: without it no programme is another one")
        return self

    @property
    def needs_others(self) -> bool:
        """Whether awards of other programmes than the study's are looked at."""
        return self.clean_window > 0 or self.overlap != "keep"

    @property
    def needs_ledger(self) -> bool:
        """Whether more is asked of the awards than the year of each firm's first one."""
        return self.needs_others or self.repeat != "keep" or self.dose or self.path


class Comparison(StudyPart):
    """One named group of untreated firms: a rung of the ladder from unlike to alike.

    `of` "applicants" are firms with a row of the study's programmes at one of `stages` (any stage where none is named)
    that never got an award; with `score`, a column of the awards, only those between `least` and `most`. "others" have
    an award of one of `programme`; "never_applied" have no row of the study's programmes at all. A firm belongs to the
    first group that takes it.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    of: Literal["applicants", "others", "never_applied"]
    stages: tuple[str, ...] = ()
    programme: tuple[str, ...] = ()
    score: str = ""
    least: float | int | None = None
    most: float | int | None = None
    label: dict[str, str] = {}

    @model_validator(mode="after")
    def _agree(self) -> "Comparison":
        if (self.stages or self.score) and self.of != "applicants":
            raise ValueError('stages and score need of = "applicants"')
        if bool(self.programme) != (self.of == "others"):
            raise ValueError('of = "others" and programme go together')
        if bool(self.score) != (self.least is not None or self.most is not None):
            raise ValueError("score goes together with least or most")
        return self


class Link(StudyPart):
    """How awards without a firm id are linked to `sources.firms` by name and address.

    "exact" uses rules only; "scored" compares what they leave with Splink (extra `linkage`): a link needs the
    probability `least_score` and must stand clear of the second firm by `margin` (log2 of the odds). The build stops
    when fewer than `least_rate` of these awards are linked. `sample` is a CSV file with the columns `award_id` and
    `firm_id` of awards whose firm is known, empty for those that have none; the report compares the links with it.
    """

    method: Literal["none", "exact", "scored"] = "none"
    least_score: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    margin: Annotated[float, Field(ge=0)] = 3.0
    least_rate: Annotated[float, Field(ge=0, le=1)] = 0.7
    sample: str = ""

    @model_validator(mode="after")
    def _links_to_compare(self) -> "Link":
        if self.sample and self.method == "none":
            raise ValueError('sample needs method = "exact" or "scored": without it nothing is linked')
        return self
