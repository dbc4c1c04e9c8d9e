"""Every deliberate error of evalkit, with its stable code and exit code.

A message names file, line, column, rule and count, and what to do. It never carries a firm's values: logs and
terminals are less protected than data.
"""

import difflib
from collections.abc import Iterable, Sequence


class EvalkitWarning(UserWarning):
    """A caveat; each one also lands in a `Flow` step or a `CheckResult`, so that no report hides it."""


class EvalkitError(Exception):
    """A deliberate refusal: what is wrong, where, and what to do about it.

    Parameters
    ----------
    problem : str
        One sentence, without any firm's values.
    where : str
        File, section, line or column the problem is in.
    hint : str
        What the user can do.
    code : str
        Stable code (`E_...`); the class default when empty.
    """

    code = "E_INTERNAL"
    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(problem)
        self.problem, self.where, self.hint = problem, where, hint
        self.code = code or type(self).code

    def __str__(self) -> str:
        head = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{head} [{self.code}]" + (f"\n  Hint: {self.hint}" if self.hint else "")

    def to_dict(self) -> dict[str, str | int]:
        """Return the error as the record that `--json` prints."""
        return {
            "code": self.code, "exit_code": self.exit_code, "where": self.where,
            "problem": self.problem, "hint": self.hint,
        }  # fmt: skip


class ManyErrors(ExceptionGroup[EvalkitError]):
    """All problems of one validation, so that the user mends them in one go."""

    @property
    def exit_code(self) -> int:
        """Exit code of the first problem."""
        return self.exceptions[0].exit_code  # type: ignore[union-attr]


class StudyError(EvalkitError):
    """The study file or the command line is wrong."""

    code, exit_code = "E_STUDY", 2


class UnknownNameError(StudyError):
    """A name that is not known; the hint names the nearest one."""

    code = "E_UNKNOWN_NAME"


class MissingExtraError(StudyError):
    """An optional package is not installed; the hint names the extra."""

    code = "E_EXTRA"


class DataError(EvalkitError):
    """Input was rejected."""

    code, exit_code = "E_DATA", 3


class DesignError(EvalkitError):
    """The comparison asked for cannot be made with these firms."""

    code, exit_code = "E_DESIGN", 4


class EstimationError(EvalkitError):
    """The effect asked for cannot be estimated from this sample."""

    code, exit_code = "E_ESTIMATION", 4


class DisclosureError(EvalkitError):
    """A number that must not leave the restricted area was asked for."""

    code, exit_code = "E_DISCLOSURE", 5


class BusyError(EvalkitError):
    """Another run holds the study."""

    code, exit_code = "E_BUSY", 6


class ResourceError(EvalkitError):
    """Disk or memory ran out."""

    code, exit_code = "E_RESOURCE", 7


class IntegrityError(EvalkitError):
    """A file is not the one its manifest names."""

    code, exit_code = "E_INTEGRITY", 8


def raise_all(errors: Sequence[EvalkitError], message: str) -> None:
    """Raise one error as itself, several as `ManyErrors`, none not at all."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ManyErrors(f"{message}: {len(errors)} problems", list(errors))


def each(error: EvalkitError | ExceptionGroup[EvalkitError]) -> list[EvalkitError]:
    """Return the single errors inside `error`, in the order they were found."""
    if isinstance(error, ExceptionGroup):
        return [one for sub in error.exceptions for one in each(sub)]
    return [error]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known name, or the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known names: {', '.join(names)}" if names else "no names are known here"
