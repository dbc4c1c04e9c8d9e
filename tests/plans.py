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
TIME, LATER, LATEST = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
SIGNER = "山田花子"
UNBALANCED = 'method = "balance"\nwarn_above = 0.000001\nfail_above = 0.000001'
"""No two groups of firms are as alike as that."""


def complete(text: str) -> str:
    """Fill all blanks of the small study's plan."""
    text = text.replace("title.en", 'about.en = "Did the award raise sales?"\ntitle.en', 1)
    return text.replace("[[check]]", '[[check]]\nmethod = "balance"\n[[check]]', 1) + PLAN


def unbalanced(text: str) -> str:
    """Fill all blanks, and ask for more balance than there is."""
    return complete(text).replace('method = "balance"', UNBALANCED)


def write(folder: Path, study: Callable[[str], str] = complete) -> Path:
    """Write the study; return its file."""
    return small_study.write(folder, study=study)


def lock(cli: Callable[..., Any], study: Path, *more: str, time: str = TIME) -> Any:  # noqa: ANN401
    """Lock a plan."""
    out = study.parent / "out"
    return cli("lock", study, "--root", study.parent, "--out", out, "--signer", SIGNER, "--time", time, *more)


def run(cli: Callable[..., Any], study: Path, *more: str) -> Any:  # noqa: ANN401
    """Run a study."""
    return cli("run", study, "--root", study.parent, "--out", study.parent / "out", *more)


def report(study: Path, language: str = "en") -> str:
    """Return the report's page."""
    return (study.parent / "out/small/release" / f"report.{language}.html").read_text(encoding="utf-8")
