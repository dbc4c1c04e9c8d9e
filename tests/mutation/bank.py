"""The bank of mutants: faults seeded into a copy of the package, and whether the suite's tests see them.

`python tests/mutation/bank.py` writes the table and the score of docs/mutants.md anew.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANK = Path(__file__).with_name("mutants.toml")
PAGE = ROOT / "docs" / "mutants.md"
SECONDS = 900
"""How long one run of pytest may take before it is stopped; being stopped is no kill."""
PASSED, FAILED, ANOTHER_PACKAGE = 0, 1, 70
RUN = f"""
import importlib.util, pytest, sys
where = importlib.util.find_spec("evalkit")
sys.exit(pytest.main(sys.argv[2:]) if where and where.origin.startswith(sys.argv[1]) else {ANOTHER_PACKAGE})
"""
"""Runs pytest where the package is the copy, and only there."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One fault: `old` becomes `new` in a file below evalkit/, and one of `tests` must then fail.

    `survives` says why nothing sees it, where nothing does.
    """

    name: str
    fault: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    survives: str = ""


def mutants() -> list[Mutant]:
    """Return the bank in its order."""
    entries = tomllib.loads(BANK.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


def copied(folder: Path) -> Path:
    """Copy the package into a folder."""
    shutil.copytree(ROOT / "evalkit", folder / "evalkit")
    return folder


def plant(mutant: Mutant, folder: Path) -> None:
    """Put a fault into a copy."""
    path = folder / "evalkit" / mutant.file
    text = path.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.name}: the code has moved on, and the mutant must follow"
    changed = text.replace(mutant.old, mutant.new)
    compile(changed, path, "exec")  # what does not compile fails every test, and would prove nothing
    path.write_text(changed, encoding="utf-8")


def exit_code(folder: Path, tests: Iterable[str]) -> int:
    """Run tests against the copy in a process of its own; return pytest's exit code."""
    options = ["-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider"]
    command = [sys.executable, "-c", RUN, str(folder), *options, *tests]
    settings = {
        "PYTHONPATH": str(folder),
        "PYTHONSAFEPATH": "1",  # the working directory has the package without the fault; processes of tests run there
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the tests use none, and they take longer to load than most tests
    }
    found = subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, timeout=SECONDS)
    return found.returncode


def score(bank: list[Mutant]) -> str:
    """Say how many mutants are killed."""
    n_killed = sum(not mutant.survives for mutant in bank)
    return f"**{n_killed} of {len(bank)} killed ({n_killed / len(bank):.1%}).**"


def table(bank: list[Mutant]) -> str:
    """Return the bank as a table in Markdown."""
    lines = ["| Mutant | Fault | In `evalkit/` | Killed by, in `tests/` |", "|---|---|---|---|"]
    for mutant in bank:
        tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in mutant.tests)
        killer = f"nothing: {mutant.survives}" if mutant.survives else tests
        lines.append(f"| `{mutant.name}` | {mutant.fault} | `{mutant.file}` | {killer} |")
    return "\n".join(lines)


def page(text: str, bank: list[Mutant]) -> str:
    """Return the page with today's score and table in place of those it has."""
    text = re.sub(r"^\*\*.* killed \(.*\*\*$", lambda _: score(bank), text, flags=re.MULTILINE)
    return re.sub(r"^\| Mutant \|.*?\n\Z", lambda _: f"{table(bank)}\n", text, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), mutants()), encoding="utf-8")
