"""Source layouts: where the headers are, which columns there are, their types and units. Data, not code."""

import dataclasses
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from evalkit.errors import StudyError, UnknownNameError, did_you_mean
from evalkit.etl.paths import input_files
from evalkit.etl.reading.header_finder import FIRST, HeaderRule

Role = Literal["awards", "firms", "firm_years", "mergers", "register", "denominators", "programmes", "deflators"]
FieldType = Literal["firm_id", "date", "year", "number", "category", "infer"]


@dataclasses.dataclass(frozen=True)
class Field:
    """One column to read: the name the study uses, its type, its unit, and whether each row must have a value.

    `type` "infer" means number or category, whichever its texts are. `unit` is the default where the study
    declares none. `aliases` are headers that files of the layout have for it.
    """

    name: str
    type: FieldType
    required: bool = False
    unit: str = ""
    aliases: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class JsonRows:
    """Where the rows of a JSON response are.

    Parameters
    ----------
    rows : tuple of str
        Paths to the list of rows, the first one that leads anywhere is taken: "hojin-infos[].subsidy[]". Single
        values beside a list on the way are carried into its rows.
    labels : str
        Path to the code lists of e-Stat; each code column gets a column with its labels.
    """

    rows: tuple[str, ...]
    labels: str = ""


@dataclasses.dataclass(frozen=True)
class FiscalYearRule:
    """How a row's fiscal year follows from the label of the newest period and how many years the row lies back."""

    label: str
    years_back: str


@dataclasses.dataclass(frozen=True)
class Layout:
    """The columns of one kind of file.

    Parameters
    ----------
    name : str
        Name of its TOML file.
    role : str
        The source it can stand for.
    about : str
        One sentence for the documentation.
    fields : tuple of Field
        Known columns. Only required ones must be there.
    data : tuple of Field
        Headers, units and types of columns that a study may name as outcome or covariate.
    any_of : tuple of str
        Columns of which at least one must be there.
    is_open : bool
        Whether columns that only the study names are read as well.
    header : HeaderRule
        Where the headers are.
    json : JsonRows or None
        Where the rows of a JSON response are.
    defaults : dict
        What holds unless the study says otherwise: `encoding`, `firm_scheme`, `missing`, `suppressed`.
    is_tab_separated, has_many_sheets : bool
        Fields are separated by tabs; all sheets of a workbook are read.
    twelve_digits : {"complete", "damaged"}
        What a corporate number of twelve digits is: one without its check digit, or one that a spreadsheet damaged.
    unit_columns : dict of str
        Amount column to the column that holds its unit row by row.
    coalesce : dict of str to tuple of str
        Column to the columns of which the first with a value is taken; `<column>_source` says which it was.
    fiscal_year_from : FiscalYearRule or None
        How the fiscal year is found where there is no column of it.
    joined : dict of str to dict of str to int
        Code to the columns that it is put together from, each with the number of digits it is filled up to.
    stage : str
        Stage of every award of the file, "" where rows say so themselves.
    has_events : bool
        Whether rows with one award id are events of the award whose signed amounts add up.
    lacks_ids : bool
        Whether rows without a firm id belong to the source; they are counted and are no reason to stop.
    """

    name: str
    role: Role
    about: str
    fields: tuple[Field, ...]
    data: tuple[Field, ...] = ()
    any_of: tuple[str, ...] = ()
    is_open: bool = False
    header: HeaderRule = FIRST
    json: JsonRows | None = None
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_tab_separated: bool = False
    has_many_sheets: bool = False
    twelve_digits: Literal["complete", "damaged"] = "complete"
    unit_columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    coalesce: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    fiscal_year_from: FiscalYearRule | None = None
    joined: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    stage: str = ""
    has_events: bool = False
    lacks_ids: bool = False

    @property
    def known(self) -> tuple[Field, ...]:
        """Every column that has a name of its own in the layout."""
        units = tuple(Field(name, "category") for name in self.unit_columns.values())
        return self.fields + self.data + units

    @property
    def is_register_of_firms(self) -> bool:
        """Whether it is a register that has a row per firm, or per state of a firm."""
        return self.role == "register" and any(f.type == "firm_id" and f.required for f in self.fields)


def names() -> list[str]:
    """List the layouts by name."""
    files = (resources.files("evalkit.etl") / "layouts").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def text(name: str) -> str:
    """Return a layout's file as it stands."""
    return (resources.files("evalkit.etl") / "layouts" / f"{name}.toml").read_text(encoding="utf-8")


def load(name: str, role: Role | None = None, root: Path | None = None) -> Layout:
    """Read one layout: evalkit's own by its name, or the study's own, a file below its root, by a path to `.toml`.

    Raises
    ------
    UnknownNameError
        There is no such layout; the hint has the nearest name.
    StudyError
        The layout is for another source than `role` (`E_LAYOUT_ROLE`), or its file is wrong (`E_LAYOUT`).
    DataError
        The study's own layout is not there, or not below its root (`E_NO_FILE`, `E_PATH`).
    """
    where = f"sources.{role}.layout" if role else name
    if name.endswith(".toml") and root is not None:
        layout = _own(name, root, where)
    elif name in names():
        layout = parse(name, tomllib.loads(text(name)))
    else:
        raise UnknownNameError(f"unknown layout '{name}'", where=where, hint=did_you_mean(name, names()))
    if role and layout.role != role and not (layout.is_register_of_firms and role in ("firms", "mergers")):
        raise StudyError(f"the layout '{name}' is for sources.{layout.role}", where=where, code="E_LAYOUT_ROLE")
    return layout


def _own(name: str, root: Path, where: str) -> Layout:
    path = input_files(name, root, where)[0]
    try:
        layout = parse(name, tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError("the layout is not valid TOML in UTF-8", where=name, code="E_LAYOUT") from error
    except (TypeError, KeyError, AttributeError) as error:
        hint = "evalkit layouts show NAME prints one to compare with"
        raise StudyError("a key is missing or not known", where=name, code="E_LAYOUT", hint=hint) from error
    if layout.role not in get_args(Role) or {f.type for f in layout.known} - set(get_args(FieldType)):
        problem = f"role must be one of {', '.join(get_args(Role))}; type one of {', '.join(get_args(FieldType))}"
        raise StudyError(problem, where=name, code="E_LAYOUT")
    return layout


def parse(name: str, data: Mapping[str, Any]) -> Layout:
    """Turn the contents of a layout's file into a layout."""
    rest = {key: _frozen(value) for key, value in data.items()}
    columns, more = rest.pop("columns"), rest.pop("data", {})
    columns |= {"stage": {"type": "category"}} if "stage" in rest else {}
    rule, rows, year = rest.pop("header", None), rest.pop("json", None), rest.pop("fiscal_year_from", None)
    return Layout(
        name=name,
        fields=tuple(Field(key, **column) for key, column in columns.items()),
        data=tuple(Field(key, **{"type": "infer", **column}) for key, column in more.items()),
        header=HeaderRule(**rule) if rule else FIRST,
        json=JsonRows(**rows) if rows else None,
        fiscal_year_from=FiscalYearRule(**year) if year else None,
        **rest,
    )


def _frozen(value: Any) -> Any:  # noqa: ANN401
    """Return TOML lists as tuples, inside tables too."""
    if isinstance(value, dict):
        return {key: _frozen(inner) for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value
