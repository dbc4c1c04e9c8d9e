"""What a study says about its plan in words, and how a person lowers its grade."""

from typing import Annotated

from pydantic import Field

from evalkit.model.study_part import Name, StudyPart


class Plan(StudyPart):
    """The parts of an evaluation plan that no other section holds; `evalkit lock` wants all of them.

    `objective` is what the programme is to reach, `logic` how the award is thought to lead there, `final_report` when
    the report is due (YYYY-MM or YYYY-MM-DD), `evaluator` who evaluates and how they were chosen, `publication` where
    the report will stand. `subgroups` names the groups of firms that effects are to be told for, by their labels, or an
    estimate all of whose groups are meant; effects of other groups are marked as not planned.
    """

    objective: str = ""
    logic: str = ""
    final_report: Annotated[str, Field(pattern=r"^([0-9]{4}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$")] = ""
    evaluator: str = ""
    publication: str = ""
    subgroups: tuple[Name, ...] = ()


class LoweredGrade(StudyPart):
    """A level below the one that design and checks propose, and why. No level can be raised, so 2 is the highest."""

    sms: Annotated[int, Field(ge=1, le=2)]
    reason: Name
