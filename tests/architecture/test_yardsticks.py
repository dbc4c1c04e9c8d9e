"""Modules and functions stay small, names say something, and nothing unfinished is left in the tree."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "evalkit").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
BANNED = {"utils", "helpers", "misc", "common", "base", "core", "manager"}
MAX_LINES, MEDIAN_LINES = 400, 150
MAX_BODY, USUAL_BODY = 60, 25
MAX_PARAMETERS = 6
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    return (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, Function))


def body_lines(function: Function) -> int:
    """Lines of the body without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def n_parameters(function: Function) -> int:
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([n for n in names if n not in ("self", "cls")])


def test_modules_are_short() -> None:
    lines = {p: len(p.read_text("utf-8").splitlines()) for p in MODULES}
    assert {p.name: n for p, n in lines.items() if n > MAX_LINES} == {}
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_module_names_say_something() -> None:
    assert [p for p in MODULES if p.stem in BANNED or p.parent.name in BANNED] == []


def test_functions_are_short() -> None:
    lengths = {f"{p.name}:{f.name}": body_lines(f) for p in MODULES for f in functions(p)}
    assert {name: n for name, n in lengths.items() if n > MAX_BODY} == {}
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= USUAL_BODY


def test_functions_take_few_parameters() -> None:
    """The one exception is the signature that users type a table's roles into."""
    many = {f"{p.stem}.{f.name}" for p in MODULES for f in functions(p) if n_parameters(f) > MAX_PARAMETERS}
    assert many <= {"panel.from_frame"}


def test_every_test_can_fail() -> None:
    def can_fail(function: Function) -> bool:
        text = ast.dump(function)
        return any(word in text for word in ("Assert(", "raises", "assert_", "expect_", "warns"))

    idle = [
        f"{p.relative_to(ROOT)}:{f.name}"
        for p in TESTS
        for f in functions(p)
        if f.name.startswith("test_") and not can_fail(f)
    ]
    assert idle == []


@pytest.mark.parametrize("word", ["NotImplemented" + "Error", "TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_nothing_is_left_unfinished(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b")
    assert [p for p in (*MODULES, *TESTS) if pattern.search(p.read_text("utf-8"))] == []


def test_locks_hold_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [p.name for p in locks] == ["dev.txt", "uv.txt"]
    for lock in locks:
        text = lock.read_text("utf-8")
        pins = re.findall(r"^[A-Za-z0-9._-]+(?:\[.*?\])?==", text, re.MULTILINE)
        entries = re.split(r"\n(?=\S)", text.strip())
        assert len(pins) == len(entries)
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in text
        assert not re.search(r"^--", text, re.MULTILINE)


def test_floors_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
