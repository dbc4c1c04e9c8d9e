"""The small study with a plan that can be locked, and ways to use the command line on it; for tests only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_study

PLAN = """
[plan]
objective = "More sales"
logic = "Equipment, then output, then sales"
final_report = "2027-03"
evaluator = "An institute chosen by tender"
publication = "The ministry's site"
"""
TIME, LATER, LATEST = "2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z"
SIGNER = "山田花子"


def complete(text: str) -> str:
    """Fill all blanks of the small study's plan."""
    text = text.replace("title.en", 'about.en = "Did the award raise sales?"\ntitle.en', 1)
    return text.replace("[[check]]", '[[check]]\nmethod = "balance"\n[[check]]', 1) + PLAN


def unbalanced(tables: dict[str, small_study.Rows]) -> None:
    """Put all supported firms into one industry, and two thirds of the others into two more."""
    supported = {row["firm_id"] for row in tables["awards"]}
    for row in tables["firms"]:
        row["industry"] = "A" if row["firm_id"] in supported else row["industry"]


def write(
    folder: Path, study: Callable[[str], str] = complete,
    spoil: Callable[[dict[str, small_study.Rows]], None] = lambda _: None,
) -> Path:  # fmt: skip
    """Write the study; return its file."""
    return small_study.write(folder, spoil, study)


def lock(cli: Callable[..., Any], study: Path, *more: str, time: str = TIME) -> Any:
    """Lock a plan."""
    out = study.parent / "out"
    return cli("lock", study, "--root", study.parent, "--out", out, "--signer", SIGNER, "--time", time, *more)


def run(cli: Callable[..., Any], study: Path, *more: str) -> Any:
    """Run a study."""
    return cli("run", study, "--root", study.parent, "--out", study.parent / "out", *more)


def report(study: Path, language: str = "en") -> str:
    """Return the report's page."""
    return (study.parent / "out/small/release" / f"report.{language}.html").read_text(encoding="utf-8")
