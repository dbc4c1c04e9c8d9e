"""Every step of the flow that a build can tell has words in both languages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import evalkit
from evalkit.reporting.points import step_label
from evalkit.reporting.words import words

ETL = Path(evalkit.__file__).parent / "etl"
PLACE_OF_STEP = {"FlowStep": 0, "reading": 0, "keep": 1}
"""Calls that make a step, and which argument names it."""
PASSED_ON = {("conform.py", "step"), ("build.py", "step")}
"""Names of steps that a function is given by one of these calls."""


def steps() -> Iterator[tuple[str, str | None]]:
    """Yield file and name of each step in the code; what a step names at run time is "X", None if it is not known."""
    for path in sorted(ETL.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for scope in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
            given = {n.id: value for n, value in assigned(scope) if isinstance(n, ast.Name)}
            for call in (n for n in ast.walk(scope) if isinstance(n, ast.Call)):
                _, dot, called = ast.unparse(call.func).rpartition(".")
                if called in PLACE_OF_STEP and bool(dot) != (called == "FlowStep"):
                    name = call.args[PLACE_OF_STEP[called]]
                    name = given.get(name.id, name) if isinstance(name, ast.Name) else name
                    if not (isinstance(name, ast.Name) and (path.name, name.id) in PASSED_ON):
                        yield path.name, text(name)


def assigned(scope: ast.FunctionDef) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what is assigned to what, tuples one by one."""
    for node in ast.walk(scope):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=True)
            else:
                yield target, node.value


def text(node: ast.expr) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


FOUND = sorted(set(steps()), key=str)


def test_steps_are_found_in_the_code():
    names = {name for _, name in FOUND}
    assert {"read awards", "link: one firm", "population: X", "outcome 'X'", "absorbed firms", "dose"} <= names
    assert None not in names


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", sorted({name for _, name in FOUND if name}))
def test_every_step_has_words(name, language):
    label = step_label(name, "rows", words(language))
    assert label != name
    assert "X" not in name or label.endswith("X")
    assert language == "en" or not label.isascii()
    if name.startswith("link: "):
        assert ":" not in label
