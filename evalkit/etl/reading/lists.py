"""Small lists beside the sources, code lists for example: CSV files with a few named columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, raise_all
from evalkit.etl.grammar.column import clean
from evalkit.etl.paths import input_files
from evalkit.etl.reading.csv_text import read_csv

if TYPE_CHECKING:
    import pyarrow as pa


def read_list(path: str, root: Path, where: str, names: Sequence[str]) -> "pa.Table":
    """Read some columns of a CSV file as cleaned text, null where nothing is written.

    Parameters
    ----------
    path : str
        Relative to `root`, which the file must lie in.
    root : Path
        The study's root.
    where : str
        Place in the study file, for messages.
    names : sequence of str
        Headers of the columns wanted; others are not read.

    Raises
    ------
    DataError
        What `input_files` and `read_csv` refuse, and `E_COLUMN`.
    """
    import pyarrow as pa

    (found, *more) = input_files(path, root, where)
    if more:
        raise DataError("the path must name one file", where=where, code="E_PATH")
    file = found.relative_to(root.resolve()).as_posix()
    columns = read_csv(found.read_bytes(), file).columns
    absent = [n for n in names if n not in columns]
    raise_all([DataError(f"no column '{n}'", where=f"{file}, line 1", code="E_COLUMN") for n in absent], where)
    texts = {name: [clean(text) or None for text in columns[name].to_pylist()] for name in names}
    return pa.table({name: pa.array(column, pa.string()) for name, column in texts.items()})
