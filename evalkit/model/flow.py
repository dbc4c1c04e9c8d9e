"""What happened to every row and firm: kept, quarantined or collapsed, with the reason."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError
from evalkit.model import store

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class FlowStep:
    """One step: `n_in` rows or firms went in, and each is kept, quarantined or collapsed.

    Quarantined means set aside with a reason; collapsed means merged into a kept one.
    """

    step: str
    unit: str
    n_in: int
    kept: int
    quarantined: int = 0
    collapsed: int = 0
    reason: str = ""

    def to_dict(self) -> dict[str, str | int]:
        """Return the step as a row of `flow.json`."""
        row = dataclasses.asdict(self)
        row["in"] = row.pop("n_in")
        return row


@dataclasses.dataclass(frozen=True)
class Flow:
    """The steps of a study in order; every step conserves what went in."""

    steps: tuple[FlowStep, ...] = ()

    def add(self, step: FlowStep) -> "Flow":
        """Return the flow with one more step.

        Raises
        ------
        EvalkitError
            `n_in` is not kept + quarantined + collapsed (`E_CONSERVATION`): a defect of evalkit, never of the data.
        """
        if (
            step.n_in != step.kept + step.quarantined + step.collapsed
            or min(step.kept, step.quarantined, step.collapsed) < 0
        ):
            raise EvalkitError(
                "rows in are not rows kept + quarantined + collapsed", where=step.step, code="E_CONSERVATION"
            )
        return Flow((*self.steps, step))

    def extend(self, other: "Flow") -> "Flow":
        """Return this flow followed by another."""
        return Flow((*self.steps, *other.steps))

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per step."""
        import pandas as pd

        columns = ["step", "unit", "in", "kept", "quarantined", "collapsed", "reason"]
        return pd.DataFrame([s.to_dict() for s in self.steps], columns=columns)

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, escape=True)

    def save(self, path: Path) -> None:
        """Write `flow.json`."""
        store.write_json(path, [s.to_dict() for s in self.steps])

    @classmethod
    def load(cls, path: Path) -> "Flow":
        """Read `flow.json`."""
        rows: list[dict[str, Any]] = store.read_json(path)
        return cls(tuple(FlowStep(n_in=row.pop("in"), **row) for row in rows))
