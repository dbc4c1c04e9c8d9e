"""What may be told of a study's sources to anybody: columns, their types, and what enough firms have in common."""

import dataclasses
from typing import Literal

Kind = Literal["firm_id", "date", "year", "number", "category", "infer", ""]


@dataclasses.dataclass(frozen=True)
class ColumnShape:
    """One column of a file.

    Parameters
    ----------
    header : str
        As in the file.
    name : str
        What the study calls it; "" for a column that it does not name.
    kind : str
        Type of its values; "" where nothing is told of them.
    unit : str
        Unit in the file.
    counts : dict of str to int
        Rounded number of firms by text, of texts that enough firms share.
    grid : tuple of float
        Rounded quantiles with enough firms between any two of them.
    is_whole : bool
        Whether all numbers are whole.
    stored : str
        Type in a Parquet file: "string", "int64", ...
    """

    header: str
    name: str = ""
    kind: Kind = ""
    unit: str = ""
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    grid: tuple[float, ...] = ()
    is_whole: bool = False
    stored: str = "string"


@dataclasses.dataclass(frozen=True)
class SourceShape:
    """The file of one source.

    Parameters
    ----------
    role : str
        "awards", "firms" or "firm_years".
    path : str
        Where it lies below the root; of several files, the first.
    scheme : str
        What a firm id is.
    encoding : str
        Python's name of it; "" for Parquet.
    date_order : str
        "ymd", "dmy" or "mdy".
    columns : tuple of ColumnShape
        In the order of the file.
    """

    role: str
    path: str
    scheme: str
    encoding: str
    date_order: str
    columns: tuple[ColumnShape, ...]


@dataclasses.dataclass(frozen=True)
class StudyShape:
    """The files of a study, and the rounded number of firms by year of their first award (0 for never)."""

    sources: tuple[SourceShape, ...]
    cohorts: dict[int, int]
