"""What a study says about the programme in words: its aims and how it is thought to work."""

from typing import Annotated, Literal

from pydantic import Field

from evalkit.model.study_part import Name, StudyPart

Texts = dict[Annotated[str, Field(pattern="^(en|ja)$")], str]
"""One text by language."""
LOGIC = ("inputs", "activities", "outputs", "outcomes")
"""The steps of a logic model, in order."""


class Indicator(StudyPart):
    """What is measured to see whether an aim is reached, and where the figures come from.

    `outcome` names an outcome of the study where it is one; `target` is what the programme wants to reach.
    """

    name: Annotated[Texts, Field(min_length=1)]
    source: Texts = {}
    target: Texts = {}
    outcome: str = ""


class Programme(StudyPart):
    """The programme: name, who runs it, aims, and the logic model from inputs to outcomes.

    `selection` says how firms came to be supported: they applied, everyone eligible was, a rule or lots decided. Where
    they applied, the report says that those who apply may differ from those who do not.
    """

    name: Texts = {}
    authority: Texts = {}
    objectives: tuple[Texts, ...] = ()
    inputs: Texts = {}
    activities: Texts = {}
    outputs: Texts = {}
    outcomes: Texts = {}
    indicators: tuple[Indicator, ...] = ()
    questions: tuple[Texts, ...] = ()
    selection: Literal["", "application", "all_eligible", "rule", "lots"] = ""


class Roles(StudyPart):
    """Who asked for the evaluation, who made it, who assured it, and who approved it."""

    commissioner: str = ""
    analyst: str = ""
    assurer: str = ""
    approver: str = ""


class Assumption(StudyPart):
    """One line of the assumptions log: what is assumed, how much hangs on it, how sure it is, who said so and when."""

    text: Annotated[Texts, Field(min_length=1)]
    effect: Literal["small", "moderate", "large"]
    reliability: Literal["low", "moderate", "high"]
    why: Texts = {}
    date: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
    by: Name
