"""Write the reference of all methods from their own docstrings and fields (`make docs`)."""

from collections.abc import Iterator
from pathlib import Path

from evalkit import methods
from evalkit.model import store

TARGET = Path(__file__).parent / "out" / "methods.md"


def lines() -> Iterator[str]:
    """Yield the lines of the reference."""
    yield "# Methods"
    for kind in methods.KINDS:
        yield from ("", f"## {kind}")
        for name in methods.names(kind):
            method = methods.describe(kind, name)
            yield from ("", f"### {name}", "", method.text)
            if method.options:
                yield from ("", "| option | type | default | meaning |", "| --- | --- | --- | --- |")
            for option in method.options:
                yield f"| `{option.name}` | {option.type} | {option.default} | {option.text} |"
            yield from ("", f"Reference: {method.reference}")


store.write_text(TARGET, "\n".join(lines()) + "\n")
