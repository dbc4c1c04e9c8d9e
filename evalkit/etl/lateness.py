"""Whether the sources of a study are there, and new enough for an edition of a given day."""

import dataclasses
import datetime as dt
from pathlib import Path

from evalkit.errors import DataError, StudyError
from evalkit.etl.arrival import NOT_READY, require_arrived
from evalkit.etl.layouts import Role
from evalkit.etl.paths import input_files
from evalkit.etl.vintages import held, label_of, sources_of
from evalkit.model.study import Source, Study


@dataclasses.dataclass(frozen=True)
class Late:
    """A source that is not there, or not whole, or whose newest vintage is too old.

    Parameters
    ----------
    source : str
        Its role.
    newest : str
        Label of its newest vintage; "" when there is no file.
    since : str
        The first day on which that vintage was too old; "" when there is no file.
    """

    source: Role
    newest: str = ""
    since: str = ""


def late_sources(study: Study, root: Path, day: str) -> list[Late]:
    """Return the sources that an edition of a day has to wait for. Nothing is read or imported.

    Parameters
    ----------
    study : Study
        Its `[publish] max_age_days` says how old which source may be; a source that is not named there only has to
        be there. Tables of databases count as there.
    root : Path
        Folder that source paths are relative to.
    day : str
        The day of the edition, YYYY-MM-DD.

    Raises
    ------
    StudyError
        `max_age_days` names a source that the study does not have.
    DataError
        `E_VINTAGE`: a source with a largest age has no dated vintage. `E_PATH`: a path leaves the root.
    """
    sources, ages = dict(sources_of(study)), {str(role): n for role, n in study.publish.max_age_days.items()}
    for role in ages:
        if role not in sources:
            problem = f"the study has no source '{role}'"
            raise StudyError(problem, where="publish.max_age_days", code="E_SPEC_VALUE", hint="name one it has")
    found = (_late(role, source, root.resolve(), ages.get(role), day) for role, source in sources.items())
    return [one for one in found if one]


def _late(role: Role, source: Source, root: Path, days: int | None, day: str) -> Late | None:
    try:
        where = f"sources.{role}.path"
        require_arrived(source, root, where)
        files = [] if source.table else input_files(source.path, root, where)
    except DataError as error:
        if error.code not in ("E_NO_FILE", NOT_READY):
            raise
        return Late(role)
    if days is None:
        return None
    names = [path.relative_to(root).as_posix() for path in files] or [f"{source.path} {source.table}"]
    labels = [source.vintage or label_of(name) for name in names]
    labels += [vintage.label for vintage in held(root, source.archive)] if source.archive else []
    newest = max(filter(None, labels), default="")
    if not newest:
        problem = "how old the source is cannot be told, because no file has a date in its name"
        hint = "declare vintage, or put the date into the name"
        raise DataError(problem, where=f"sources.{role}.path", code="E_VINTAGE", hint=hint)
    since = dt.date.fromisoformat(f"{newest}-01-01"[:10]) + dt.timedelta(days=days + 1)
    return Late(role, newest, since.isoformat()) if since.isoformat() <= day else None
