"""The log of a plan, or of a site of editions: lines that are only added, each with the hash of the one before.

A line also has its own hash, so that the last one is guarded too. A chain shows damage and edits by hand; whoever
writes the whole log anew leaves no trace in it, only in the manifests of earlier runs, which hold its last hash.
"""

import fcntl
import json
from pathlib import Path
from typing import Any

from evalkit.errors import IntegrityError
from evalkit.plan.canonical import digest, line_of

FILE = "plan.log.jsonl"
START = "0" * 64
"""What the first line has in place of the hash of a line before."""
Line = dict[str, Any]


def read_log(path: Path) -> list[Line]:
    """Return the lines of a log in order; none when there is no log.

    Raises
    ------
    IntegrityError
        `E_LOG`: the first line that is not the one that was written.
    """
    if not path.is_file():
        return []
    lines: list[Line] = []
    *texts, rest = path.read_bytes().split(b"\n")
    if rest:
        raise _damaged(path, len(texts) + 1)
    for number, text in enumerate(texts, start=1):
        line = _line(text)
        if line is None or line["previous"] != head(lines):
            raise _damaged(path, number)
        lines.append(line)
    return lines


def head(lines: list[Line]) -> str:
    """Return the hash of the last line."""
    return str(lines[-1]["sha256"]) if lines else START


def add_line(path: Path, event: str, time: str, **facts: Any) -> Line:  # noqa: ANN401
    """Add a line to a log.

    Parameters
    ----------
    path : Path
        The log.
    event : {"lock", "open", "unseal", "deviation", "accept"}
        What happened.
    time : str
        When, as `clock.time_of` returns it.
    **facts
        What else the line says.

    Raises
    ------
    IntegrityError
        `E_LOG`: the log is damaged. `E_CLOCK`: the last line is from later than `time`.
    """
    with path.open("a", encoding="utf-8", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = read_log(path)
        if lines and time < lines[-1]["time"]:
            problem = f"the clock says {time}, which is before the last line of the log ({lines[-1]['time']})"
            raise IntegrityError(problem, where=path.name, code="E_CLOCK", hint="set the clock right")
        line = {**facts, "event": event, "time": time, "previous": head(lines)}
        line["sha256"] = digest(line)
        file.write(f"{line_of(line)}\n")
    return line


def _line(text: bytes) -> Line | None:
    """Return one line when it is written as `add_line` writes and has the right hash."""
    try:
        line = json.loads(text)
        own = line.pop("sha256")
        is_sound = own == digest(line) and line_of({**line, "sha256": own}).encode() == text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return {**line, "sha256": own} if is_sound else None


def _damaged(path: Path, number: int) -> IntegrityError:
    problem = f"line {number} is not the one that was written, or a line before it is missing"
    return IntegrityError(problem, where=f"{path.name}:{number}", code="E_LOG", hint="restore the log from a copy")
