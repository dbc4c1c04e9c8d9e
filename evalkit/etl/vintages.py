"""Vintages: imports kept by what they hold, so that a source that only has a present gets a past.

An archive is a folder `vintages/<archive>` below the study's root: every import under its SHA-256, and an index with
one line per import, which is only appended to.
"""

import dataclasses
import datetime as dt
import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, get_args

from evalkit.errors import DataError, EvalkitError, IntegrityError, each, raise_all
from evalkit.etl import layouts
from evalkit.etl.arrival import require_arrived
from evalkit.etl.layouts import Field, Layout, Role
from evalkit.etl.paths import input_files
from evalkit.etl.reading.postgres_text import write_table
from evalkit.model import store
from evalkit.model.study import Source, Study

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER, INDEX, YEAR = "vintages", "index.jsonl", "fiscal_year"
DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?)?(?!\d)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Vintage:
    """One import.

    Parameters
    ----------
    file : str
        What was imported: a path below the root, or database and table.
    label : str
        Its date as far as it is known: YYYY-MM-DD, YYYY-MM, YYYY or "".
    layout : str
        The layout it was imported under.
    path : str
        Where it lies, below the root.
    sha256 : str
        Of its bytes; "" for a file that is not archived.
    """

    file: str
    label: str
    layout: str
    path: str
    sha256: str = ""


@dataclasses.dataclass(frozen=True)
class InputFile:
    """A file to read: where it is, its name for messages, and its vintage's fiscal year ("" where rows have one)."""

    path: Path
    name: str
    fiscal_year: str = ""


def sources_of(study: Study) -> "Iterator[tuple[Role, Source]]":
    """Yield the sources that a study declares, by role."""
    for role in get_args(Role):
        source = getattr(study.sources, role, None)
        if source is not None:
            yield role, source


def imported(study: Study, root: Path) -> Study:
    """Bring the sources that are archived into their archives.

    Returns
    -------
    Study
        Its tables of databases replaced by the files they were written to. From it, all stages read the same rows.

    Raises
    ------
    DataError, ManyErrors
        What cannot be read, of all sources together.
    """
    errors, found = list[EvalkitError](), dict[str, Source]()
    for role, source in sources_of(study):
        try:
            found[role] = _imported(source, root.resolve(), f"sources.{role}")
        except* EvalkitError as group:
            errors += each(group)
    raise_all(errors, "the sources")
    return study.model_copy(update={"sources": study.sources.model_copy(update=found)})


def source_files(declared: Source, root: Path, where: str, year_start: str) -> list[InputFile]:
    """Return the files of a source, sorted: those that are there or, where years are those of vintages, those held.

    Of the vintages of one fiscal year the latest is read: all files with its label, each as it was imported last.

    Parameters
    ----------
    declared : Source
        What the study says about it.
    root : Path
        Folder that its path is relative to.
    where : str
        Place in the study file, for messages.
    year_start : str
        First day of a fiscal year as MM-DD.

    Raises
    ------
    DataError
        What `input_files` and `require_arrived` refuse; `E_VINTAGE`: a file without a date, or of another layout.
    IntegrityError
        An archived file is not the one that was imported.
    """
    require_arrived(declared, root, where)
    if declared.fiscal_year_from != "vintage":
        return [InputFile(p, _name(p, root)) for p in input_files(declared.path, root, where)]
    vintages = held(root, declared.archive) if declared.archive else _present(declared, root, where)
    if any(v.layout != declared.layout for v in vintages):
        problem = f"the archive '{declared.archive}' holds files of another layout than '{declared.layout}'"
        raise DataError(problem, where=where, code="E_VINTAGE", hint="give each layout an archive of its own")
    chosen = sorted(_chosen(vintages, where, year_start).items(), key=lambda pair: pair[0].path)
    return [InputFile(_sound(vintage, root, where), vintage.path, year) for vintage, year in chosen]


def layout_of(role: Role, declared: Source, root: Path) -> Layout:
    """Return the layout of a source; where years are those of vintages, one of firms can stand for firm-years."""
    layout = layouts.load(declared.layout, None if declared.fiscal_year_from == "vintage" else role, root)
    if declared.fiscal_year_from != "vintage":
        return layout
    if (layout.role, role) != ("firms", "firm_years"):
        layout = layouts.load(declared.layout, role, root)
    fields = tuple(f for f in layout.fields if f.name != YEAR)
    return dataclasses.replace(layout, role=role, fields=(*fields, Field(YEAR, "year", required=True)))


def vintage_years(declared: Source, rows: Sequence[tuple[str, int]]) -> "dict[str, pa.ChunkedArray]":
    """Return the column `fiscal_year` that follows from vintages, each given as its year and its number of rows."""
    import pyarrow as pa

    if declared.fiscal_year_from != "vintage":
        return {}
    return {YEAR: pa.chunked_array([pa.repeat(year, n_rows) for year, n_rows in rows], pa.string())}


def held(root: Path, archive: str) -> list[Vintage]:
    """Return the vintages of an archive in the order in which they were imported.

    Raises
    ------
    IntegrityError
        The index is damaged.
    """
    index = root / FOLDER / archive / INDEX
    try:
        lines = index.read_text(encoding="utf-8").splitlines() if index.is_file() else []
        return [Vintage(**json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise IntegrityError("the index of the archive is damaged", where=f"{FOLDER}/{archive}/{INDEX}") from error


def label_of(file: str) -> str:
    """Return the one date that a file's name holds, or else the nearest folder's; "" where there is none or several.

    Examples
    --------
    >>> label_of("in/insured_20230401.csv"), label_of("2023-04/insured.csv"), label_of("2019_2023.csv")
    ('2023-04-01', '2023-04', '')
    """
    for part in reversed(PurePosixPath(file).parts):
        labels = {"-".join(filter(None, match)) for match in DATE.findall(part)}
        if labels:
            label = labels.pop()
            return label if not labels and _is_date(label) else ""
    return ""


def fiscal_year_of(label: str, year_start: str) -> int:
    """Return the fiscal year in which a date lies; a month counts from its first day, a year is itself."""
    year, day = int(label[:4]), f"{label}-01"[5:10]
    return year if len(label) == len("YYYY") or day >= year_start else year - 1


def _imported(source: Source, root: Path, where: str) -> Source:
    if not source.archive or source.path.startswith(f"{FOLDER}/"):
        return source
    folder = _opened(root, source.archive)
    if source.table:
        vintage = _keep_table(source, folder, where)
        _index(folder, vintage)
        return source.model_copy(update={"path": vintage.path, "table": ""})
    require_arrived(source, root, f"{where}.path")
    for path in input_files(source.path, root, f"{where}.path"):
        _index(folder, _keep_file(source, folder, path, _name(path, root)))
    return source


def _opened(root: Path, archive: str) -> Path:
    """Return the folder of an archive, closed to other users and to version control."""
    whole = root / FOLDER
    whole.mkdir(mode=0o700, exist_ok=True)
    if not (whole / ".gitignore").exists():
        store.write_text(whole / ".gitignore", "*\n")
    (whole / archive).mkdir(mode=0o700, exist_ok=True)
    return whole / archive


def _keep_file(source: Source, folder: Path, path: Path, file: str) -> Vintage:
    sha256 = store.sha256(path)
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    target = folder / f"{sha256}{suffix.lower()}"
    if not target.exists():
        with store.replacing(target) as draft:
            shutil.copyfile(path, draft)
            draft.chmod(0o600)
            if store.sha256(draft) != sha256:
                raise DataError("the file changed while it was copied", where=file, code="E_VINTAGE", hint="run again")
    label = source.vintage or label_of(file)
    return Vintage(file, label, source.layout, f"{FOLDER}/{folder.name}/{target.name}", sha256)


def _keep_table(source: Source, folder: Path, where: str) -> Vintage:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as draft:
        path = Path(draft, "table.parquet")
        write_table(source, where, path)
        return _keep_file(source, folder, path, f"{source.path} {source.table}")


def _index(folder: Path, vintage: Vintage) -> None:
    """Append an import unless it is the last of its file and label."""
    with (folder / INDEX).open("a+", encoding="utf-8") as index:
        fcntl.flock(index, fcntl.LOCK_EX)
        known = held(folder.parents[1], folder.name)
        same = [v for v in known if (v.file, v.label) == (vintage.file, vintage.label)]
        if not same or same[-1] != vintage:
            index.write(json.dumps(dataclasses.asdict(vintage), ensure_ascii=False, sort_keys=True) + "\n")


def _present(declared: Source, root: Path, where: str) -> list[Vintage]:
    names = [_name(path, root) for path in input_files(declared.path, root, where)]
    return [Vintage(name, declared.vintage or label_of(name), declared.layout, name) for name in names]


def _chosen(vintages: Sequence[Vintage], where: str, year_start: str) -> dict[Vintage, str]:
    """Return the vintages to read with their fiscal years."""
    undated = [v.file for v in vintages if not v.label]
    if undated:
        problem = f"{len(undated)} files have no date in their names, '{undated[0]}' for one"
        raise DataError(problem, where=where, code="E_VINTAGE", hint="declare vintage, or put the date into the name")
    latest: dict[int, str] = {}
    for vintage in vintages:
        year = fiscal_year_of(vintage.label, year_start)
        latest[year] = max(latest.get(year, ""), vintage.label)
    years = {label: str(year) for year, label in latest.items()}
    last = {(v.label, v.file): v for v in vintages if v.label in years}
    return {v: years[v.label] for v in last.values()}


def _sound(vintage: Vintage, root: Path, where: str) -> Path:
    """Return where a vintage lies, once it is found to be what was imported."""
    path = input_files(vintage.path, root, where)[0]
    if vintage.sha256 and store.sha256(path) != vintage.sha256:
        raise IntegrityError("the vintage is not the one that was imported", where=vintage.path)
    return path


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root.resolve()).as_posix()


def _is_date(label: str) -> bool:
    try:
        dt.date.fromisoformat(f"{label}-01-01"[:10])
    except ValueError:
        return False
    return True
