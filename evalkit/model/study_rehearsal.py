"""What a study supposes of outcomes that nobody has seen yet, for its rehearsal."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, field_validator

from evalkit.errors import StudyError, UnknownNameError, did_you_mean
from evalkit.model.study_part import Name, StudyPart

Finite = Annotated[float, Field(allow_inf_nan=False)]


class SupposedOutcome(StudyPart):
    """What is supposed of one outcome, on its scale; what is left out is taken from the years before the first award.

    A firm's outcome is `mean` in the first period, `growth` more in each later one, its own level with the standard
    deviation `sd_firms`, and a shock with that of `sd_shocks` of which `autocorrelation` is left a year later. For
    binary outcomes `mean` is the share of ones, and the other two say how alike a firm's years are. `missing` is the
    share of firm-years without a value. `effect` is what is planted: one number for all years from the award on, or one
    for each year, of which the last stays.
    """

    name: Name
    mean: Finite | None = None
    growth: Finite | None = None
    sd_firms: Annotated[Finite, Field(ge=0)] | None = None
    sd_shocks: Annotated[Finite, Field(gt=0)] | None = None
    autocorrelation: Annotated[float, Field(ge=0, lt=1)] | None = None
    missing: Annotated[float, Field(ge=0, le=0.9)] | None = None
    effect: Finite | tuple[Finite, ...] | None = None

    @field_validator("effect")
    @classmethod
    def _some_effect(cls, effect: float | tuple[float, ...] | None) -> float | tuple[float, ...] | None:
        if effect is not None and not any(effect if isinstance(effect, tuple) else (effect,)):
            raise ValueError("an effect that is planted must not be 0; without an effect the rehearsal looks anyway")
        return effect

    @property
    def path(self) -> tuple[float, ...]:
        """The effect by years since the award; empty when none is declared."""
        return () if self.effect is None else self.effect if isinstance(self.effect, tuple) else (self.effect,)


class Rehearsing(StudyPart):
    """How often the study is rehearsed with and without an effect, and what is supposed of outcomes."""

    replications: Annotated[int, Field(ge=50, le=10_000)] = 200
    outcome: tuple[SupposedOutcome, ...] = ()

    def of(self, name: str) -> SupposedOutcome:
        """Return what is supposed of an outcome."""
        return next((o for o in self.outcome if o.name == name), SupposedOutcome(name=name))

    def problems(self, scales: Mapping[str, str], n_periods: int) -> Iterator[StudyError]:
        """Yield what cannot be, given the outcomes' scales by name and the number of periods."""
        names = [o.name for o in self.outcome]
        for i, one in enumerate(self.outcome):
            where = f"rehearsal.outcome[{i + 1}]"
            if one.name not in scales:
                hint = did_you_mean(one.name, scales)
                yield UnknownNameError(f"'{one.name}' is no outcome of the study", where=where, hint=hint)
            elif one.name in names[:i]:
                yield StudyError(f"'{one.name}' stands here twice", where=where, code="E_SPEC_VALUE")
            elif scales[one.name] == "binary":
                yield from _of_shares(one, n_periods, where)


def _of_shares(one: SupposedOutcome, n_periods: int, where: str) -> Iterator[StudyError]:
    """Yield what of a binary outcome leads to a share outside 0 to 1."""
    if one.mean is None:
        if one.path or one.growth:
            problem = "a binary outcome with a growth or an effect needs its mean, the share of ones"
            yield StudyError(problem, where=f"{where}.mean", code="E_SPEC_MISSING")
        return
    ends = [one.mean, one.mean + (one.growth or 0.0) * (n_periods - 1)]
    for key, values in (
        ("growth" if one.growth else "mean", ends),
        ("effect", [e + d for e in ends for d in one.path]),
    ):
        if values and not 0 < min(values) <= max(values) < 1:
            problem = f"{key} leads to a share of ones that does not lie between 0 and 1"
            yield StudyError(problem, where=f"{where}.{key}", code="E_SPEC_VALUE")
