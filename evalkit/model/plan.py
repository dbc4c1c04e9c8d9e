"""What is known of a study's plan: whether it was locked, who opened it, and where the run left it."""

import dataclasses
from typing import Literal

Status = Literal["exploratory", "locked", "after_data"]


@dataclasses.dataclass(frozen=True)
class Deviation:
    """One field that is not as planned.

    Parameters
    ----------
    field : str
        "study.estimate[1].comparison", "files.<path>", "schema.<role>.<column>", "code", ...
    planned, found : str
        Both values as JSON; "" where there is none.
    reason : str
        What was given as the reason, "" when nothing was.
    """

    field: str
    planned: str
    found: str
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Unsealing:
    """Effects were shown although a check of the design did not hold, or before it was asked."""

    time: str
    names: tuple[str, ...]
    reason: str


@dataclasses.dataclass(frozen=True)
class PlannedPower:
    """What a rehearsal of the plan told before it was locked.

    Parameters
    ----------
    sha256 : str
        Of `rehearsal.json`.
    outcome : str
        The primary outcome.
    detectable, power : float or None, float
        Smallest effect that is found with probability `power`; None where none could be told.
    is_recovered : bool
        Whether planted effects and their absence were recovered.
    after_data : bool
        Whether outcomes had been opened before.
    """

    sha256: str
    outcome: str
    detectable: float | None
    power: float
    is_recovered: bool
    after_data: bool = False


@dataclasses.dataclass(frozen=True)
class PlanRecord:
    """A locked plan as one run found it.

    Parameters
    ----------
    lock_sha256 : str
        Of `plan.lock.json`.
    time : str
        When it was locked, UTC.
    signers : tuple of str
        Who locked it.
    after_data : str
        Why it was locked after outcomes had been opened; "" when it was locked before.
    unsealings : tuple of Unsealing
        All of the study's log.
    deviations : tuple of Deviation
        What is not as planned.
    rehearsal : PlannedPower or None
        None when the plan was locked without a rehearsal.
    """

    lock_sha256: str
    time: str
    signers: tuple[str, ...]
    after_data: str = ""
    unsealings: tuple[Unsealing, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    rehearsal: PlannedPower | None = None


def status_of(plan: PlanRecord | None) -> Status:
    """Say in one word what the plan is worth: without a lock, a run is exploratory."""
    if plan is None:
        return "exploratory"
    return "after_data" if plan.after_data else "locked"
