"""Source layouts: which columns a kind of file has, which are required, and their types. Data, not code."""

import dataclasses
import tomllib
from importlib import resources
from typing import Any, Literal

from evalkit.errors import StudyError, UnknownNameError, did_you_mean

Role = Literal["awards", "firms", "firm_years"]
FieldType = Literal["firm_id", "date", "year", "number", "category", "infer"]


@dataclasses.dataclass(frozen=True)
class Field:
    """One column to read: the name the study uses, its type, its unit, and whether each row must have a value.

    `type` "infer" means number or category, whichever its texts are. `unit` is the default where the study
    declares none.
    """

    name: str
    type: FieldType
    required: bool = False
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns of one kind of file.

    Parameters
    ----------
    name : str
        Name of its TOML file.
    role : {"awards", "firms", "firm_years"}
        The source it can stand for.
    about : str
        One sentence for the documentation.
    fields : tuple of Field
        Known columns. Only required ones must be there.
    any_of : tuple of str
        Columns of which at least one must be there.
    is_open : bool
        Whether columns that only the study names are read as well.
    """

    name: str
    role: Role
    about: str
    fields: tuple[Field, ...]
    any_of: tuple[str, ...] = ()
    is_open: bool = False


def names() -> list[str]:
    """List the layouts by name."""
    files = (resources.files("evalkit.etl") / "layouts").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def load(name: str, role: Role | None = None) -> Layout:
    """Read one layout.

    Raises
    ------
    UnknownNameError
        There is no such layout; the hint has the nearest name.
    StudyError
        The layout is for another source than `role` (`E_LAYOUT_ROLE`).
    """
    where = f"sources.{role}.layout" if role else name
    if name not in names():
        raise UnknownNameError(f"unknown layout '{name}'", where=where, hint=did_you_mean(name, names()))
    text = (resources.files("evalkit.etl") / "layouts" / f"{name}.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    fields = tuple(Field(key, **column) for key, column in data["columns"].items())
    layout = Layout(
        name, data["role"], data["about"], fields, tuple(data.get("any_of", ())), data.get("is_open", False)
    )
    if role and layout.role != role:
        raise StudyError(f"the layout '{name}' is for sources.{layout.role}", where=where, code="E_LAYOUT_ROLE")
    return layout
