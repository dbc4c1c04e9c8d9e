"""Where a run is not as planned, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from evalkit.model.plan import Deviation
from evalkit.plan.canonical import composed, line_of

COMPARED = ("study", "code", "versions", "schema", "files")
"""What a lock freezes; its time and signers are no plan."""


def differences(planned: Mapping[str, Any], found: Mapping[str, Any], reasons: Mapping[str, str]) -> list[Deviation]:
    """Compare what was frozen with what is there now.

    Parameters
    ----------
    planned, found : dict
        What a lock freezes (`COMPARED`).
    reasons : dict of str
        Reason by field.

    Returns
    -------
    list of Deviation
        Sorted by field. Lists of tables are compared entry by entry, other lists as wholes.
    """
    old, new = (dict(_leaves({key: side.get(key) for key in COMPARED})) for side in (planned, found))
    return [
        Deviation(field, old.get(field, ""), new.get(field, ""), reasons.get(field, ""))
        for field in sorted(set(old) | set(new))
        if old.get(field) != new.get(field)
    ]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield every field with its value as JSON; what is empty is a value too."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple) and value and all(isinstance(v, Mapping) for v in value):
        for number, inner in enumerate(value, start=1):
            yield from _leaves(inner, f"{name}[{number}]")
    elif value is not None:
        yield composed(name), line_of(value)
