"""How much a comparison can carry: a level of the Maryland scale and a step of the OECD framework, with reasons."""

import dataclasses

CAUSAL = 3
"""Lowest level from which on a difference may be called an effect."""


@dataclasses.dataclass(frozen=True)
class Grade:
    """A grade with its reasons.

    Parameters
    ----------
    sms : int
        Level of the Maryland Scientific Methods Scale, 1 to 5.
    proposed : int
        The level that design and checks propose; `sms` is lower when a person lowered it.
    oecd : int
        Step of the OECD framework for evaluating SME policies: 4 compares with typical firms, 5 with matched firms, 6
        takes out selection as well.
    reasons : tuple of str
        Why it is no higher, by key: "difference_in_differences", "few_pre_periods", "check:overlap", ...; what fails
        without lowering it: "noted:placebo_outcomes".
    lowered : str
        Why a person lowered it, "" when nobody did.
    """

    sms: int
    proposed: int
    oecd: int
    reasons: tuple[str, ...]
    lowered: str = ""

    @property
    def is_causal(self) -> bool:
        """Whether the report may say what the award did."""
        return self.sms >= CAUSAL
