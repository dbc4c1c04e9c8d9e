"""What earlier editions of a report showed: two counts of one cell that differ by a few firms tell about those firms.

`ledger.jsonl` has a line for each count that was ever shown: a hash of what it counts, the value and the edition. A
hidden count has no line.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence

from evalkit.errors import IntegrityError
from evalkit.model.evaluation import Release
from evalkit.reporting.disclosure.profiles import Profile

FILE = "ledger.jsonl"
DIGITS = 16
"""Hexadecimal digits of a hash."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """A count that an edition showed."""

    cell: str
    value: int
    edition: str


def read_ledger(text: str) -> tuple[Shown, ...]:
    """Read a ledger.

    Raises
    ------
    IntegrityError
        A line is not one of a ledger (`E_LEDGER`).
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(Shown(**json.loads(line)))
        except (ValueError, TypeError):
            raise IntegrityError(
                "the line is not one of a ledger of releases", where=f"release/{FILE}, line {number}", code="E_LEDGER",
                hint="put the file back as the last report left it",
            ) from None  # fmt: skip
    return tuple(found)


def ledger_text(released: Release, earlier: Iterable[Shown] = ()) -> str:
    """Return the ledger with what a release shows at its end; an edition that is there already is not added again."""
    before = list(earlier)
    own = [(cell_hash(released.study.id, i), n) for i, n in _counts(released)]
    edition = _short("\n".join(f"{cell} {value}" for cell, value in own))
    if all(line.edition != edition for line in before):
        before += [Shown(cell, value, edition) for cell, value in own]
    return "".join(json.dumps(dataclasses.asdict(line), sort_keys=True) + "\n" for line in before)


def changed_little(released: Release, earlier: Sequence[Shown], profile: Profile) -> frozenset[str]:
    """Return the ids of counts that differ from an earlier edition by 1 to `threshold` - 1.

    Rounded counts do not tell such a difference.
    """
    if profile.rounding != "none" or not earlier:
        return frozenset()
    before: dict[str, set[int]] = {}
    for line in earlier:
        before.setdefault(line.cell, set()).add(line.value)
    return frozenset(
        i
        for i, n in _counts(released)
        if any(0 < abs(n - old) < profile.threshold for old in before.get(cell_hash(released.study.id, i), ()))
    )


def cell_hash(study: str, number_id: str) -> str:
    """Return the hash of what a number of a study counts."""
    return _short(f"{study}\n{number_id}")


def _counts(released: Release) -> list[tuple[str, int]]:
    return [(i, int(n.value)) for i, n in released.numbers.items() if n.unit == "count" and n.value is not None]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
