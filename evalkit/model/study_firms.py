"""What a study says about how firms change."""

from typing import Literal

from pydantic import model_validator

from evalkit.model.study_part import StudyPart


class Firms(StudyPart):
    """How firms change: mergers, closure, moves, groups. What is not declared is not read.

    `successors` "follow" gives the awards of an absorbed firm to its last successor, and with `firm_years` "sum" its
    firm-years too; otherwise an absorbed firm with an award leaves the panel. `exit` derives the outcome columns
    `exited` and `survived`: "closure" from the firms' `close_date` and `close_cause`, "last_seen" from the last
    firm-year. `mergers` and `registrar` say whether such a closure is an exit, is none, or ends what is known of the
    firm. `history` says that the firms have a row for each state: with `valid_from` and `valid_to`, or from its
    `change_date` on; covariates are those in force on the last day of the baseline period. `group` names the column of
    parent firms: `mixed` "exclude_controls" leaves out the untreated firms of groups with a treated one, "exclude"
    all firms of such groups.
    """

    successors: Literal["keep", "follow"] = "keep"
    firm_years: Literal["keep", "sum"] = "keep"
    exit: Literal["", "closure", "last_seen"] = ""
    mergers: Literal["", "exit", "not", "censor"] = ""
    registrar: Literal["exit", "not", "censor"] = "not"
    history: Literal["", "interval", "change_date"] = ""
    group: str = ""
    mixed: Literal["keep", "exclude_controls", "exclude"] = "keep"

    @model_validator(mode="after")
    def _agree(self) -> "Firms":
        if self.exit == "closure" and not self.mergers:
            raise ValueError('exit = "closure" needs mergers = "exit", "not" or "censor": what a merger is')
        if self.firm_years == "sum" and self.successors != "follow":
            raise ValueError('firm_years = "sum" needs successors = "follow"')
        if self.mixed != "keep" and not self.group:
            raise ValueError("mixed needs group, the column of parent firms")
        return self
