"""Find a method by its module name, build it from options, and describe it.

A method is a module with a frozen dataclass `Method`. Its fields are the only place where its options exist: the
study file, the command line, the documentation and the report read them from here. Adding a method is adding one file.
"""

import dataclasses
import importlib
import importlib.metadata
import inspect
import pkgutil
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from evalkit.errors import EvalkitError, StudyError, UnknownNameError, did_you_mean, raise_all

Kind = Literal["matching", "estimation", "checks"]
KINDS: tuple[Kind, ...] = ("matching", "estimation", "checks")


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a method: name, type as text, default and what it does."""

    name: str
    type: str
    default: str
    text: str


@dataclasses.dataclass(frozen=True)
class Description:
    """What a method is, read from its module: summary, options and reference."""

    kind: Kind
    name: str
    summary: str
    text: str
    options: tuple[Option, ...]
    reference: str


@cache
def _shipped(kind: Kind) -> dict[str, str]:
    """Return module path by name of the methods in evalkit itself."""
    package = importlib.import_module(f"evalkit.{kind}")
    return {m.name: f"evalkit.{kind}.{m.name}" for m in pkgutil.iter_modules(package.__path__) if m.name[0] != "_"}


@cache
def _modules(kind: Kind) -> dict[str, str]:
    """Return module path by method name, without importing any of them; reads what all installed packages offer."""
    found = dict(_shipped(kind))
    for entry in importlib.metadata.entry_points(group=f"evalkit.{kind}"):
        found.setdefault(entry.name, entry.value)
    return dict(sorted(found.items()))


def names(kind: Kind) -> list[str]:
    """List the methods of one kind by name, without importing them."""
    return list(_modules(kind))


def method_class(kind: Kind, name: str, where: str = "") -> type[Any]:
    """Import the one module called `name` and return its `Method` class."""
    modules = _shipped(kind) if name in _shipped(kind) else _modules(kind)
    if name not in modules:
        raise UnknownNameError(f"unknown {kind} method '{name}'", where=where, hint=did_you_mean(name, modules))
    found: type[Any] = importlib.import_module(modules[name]).Method
    return found


def problems(kind: Kind, name: str, options: Mapping[str, Any], where: str = "") -> list[EvalkitError]:
    """Return everything wrong with a method's name and options, without building it."""
    try:
        cls = method_class(kind, name, where)
    except UnknownNameError as error:
        return [error]
    return _checked(cls, options, where)[1]


def build(kind: Kind, name: str, options: Mapping[str, Any] | None = None, where: str = "") -> Any:  # noqa: ANN401
    """Build a method from its options.

    Raises
    ------
    UnknownNameError
        The method or an option is not known; the hint has the nearest name.
    StudyError
        An option has the wrong type or an impossible value.
    """
    cls = method_class(kind, name, where)
    values, errors = _checked(cls, options or {}, where)
    raise_all(errors, f"{kind} {name}")
    return cls(**values)


def describe(kind: Kind, name: str) -> Description:
    """Read a method's description from its docstring and fields."""
    cls = method_class(kind, name)
    sections = _sections(inspect.getdoc(cls) or "")
    texts: dict[str, str] = {}
    for part in reversed(cls.__mro__):
        texts |= _parameters(_sections(inspect.getdoc(part) or "").get("Parameters", ""))
    options = tuple(
        Option(f.name, _type_text(hint), _default_text(f), texts.get(f.name, ""))
        for f, hint in zip(dataclasses.fields(cls), _hints(cls).values(), strict=True)
    )
    text = sections.get("", "")
    return Description(kind, name, text.split("\n")[0], text, options, sections.get("Reference", ""))


def _hints(cls: type[Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def _checked(cls: type[Any], options: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[EvalkitError]]:
    hints, values, errors = _hints(cls), {}, list[EvalkitError]()
    for key, raw in options.items():
        place = f"{where}.{key}" if where else key
        if key not in hints:
            errors.append(UnknownNameError(f"unknown option '{key}'", where=place, hint=did_you_mean(key, hints)))
            continue
        value = tuple(raw) if isinstance(raw, list) else raw
        try:
            values[key] = TypeAdapter(hints[key]).validate_python(value, strict=not isinstance(value, int))
        except ValidationError:
            wanted = _type_text(hints[key])
            errors.append(StudyError(f"option '{key}' must be {wanted}", where=place, code="E_OPTION"))
    if not errors:
        try:
            cls(**values)
        except (TypeError, ValueError) as error:
            errors.append(StudyError(str(error), where=where, code="E_OPTION"))
    return values, errors


def _type_text(hint: Any) -> str:  # noqa: ANN401
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(f'"{a}"' for a in args)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_text(a) for a in args if a is not type(None))
    if origin in (tuple, Sequence):
        return f"a list of {_type_text(args[0])}"
    if origin in (dict, Mapping):
        return f"a table of {_type_text(args[1])} by name"
    plain = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return plain.get(hint, getattr(hint, "__name__", str(hint)))


def _default_text(field: "dataclasses.Field[Any]") -> str:
    if field.default is not dataclasses.MISSING:
        return "" if field.default is None else str(field.default)
    return "" if field.default_factory is not dataclasses.MISSING else "required"


def _sections(doc: str) -> dict[str, str]:
    """Split a NumPy docstring into its sections; the text before the first one has the key ''."""
    parts: dict[str, list[str]] = {"": []}
    current, lines = "", doc.split("\n")
    for i, line in enumerate(lines):
        if i + 1 < len(lines) and line and set(lines[i + 1]) == {"-"}:
            current = line
            parts[current] = []
        elif not (line and set(line) == {"-"}):
            parts[current].append(line)
    return {name: "\n".join(body).strip() for name, body in parts.items()}


def _parameters(body: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    name = ""
    for line in body.split("\n"):
        if line and not line.startswith(" "):
            name = line.split(":")[0].strip()
            texts[name] = ""
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts
