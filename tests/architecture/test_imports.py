"""What importing costs, what is public, and that no module imports itself in a circle, deferred imports included."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import evalkit

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pandas", "pyarrow", "scipy", "matplotlib", "numpy", "duckdb", "statsmodels", "pydantic", "rich", "jinja2"}
PUBLIC = [
    "CheckResult", "Effects", "EvalkitError", "Evaluation", "ManyErrors", "MatchedSample", "Panel", "Rehearsal",
    "Release", "Study", "__version__", "adjust", "aggregate", "build", "check", "combine", "estimate", "evaluate",
    "figures", "load_study", "match", "methods", "progress", "rehearse", "release", "report", "simulate",
    "simultaneous_band", "tables", "total",
]  # fmt: skip


@pytest.mark.parametrize("code", ["import evalkit", "from evalkit.cli import commands; commands(['--help'])"])
def test_starting_up_loads_nothing_heavy(code: str) -> None:
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    loaded = set(out.splitlines()[-1].split())
    assert "evalkit" in loaded
    assert loaded & HEAVY == set()


def test_the_public_names_are_these() -> None:
    assert dir(evalkit) == PUBLIC
    assert all(getattr(evalkit, name) is not None for name in PUBLIC)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evalkit.nothing


def imports(path: Path, known: set[str]) -> set[str]:
    """Return the modules of evalkit that a file imports anywhere but for type checking."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return (found & known) - {"evalkit"}


def test_no_import_cycle() -> None:
    files = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p
        for p in (ROOT / "evalkit").rglob("*.py")
    }
    graph = {name: imports(path, set(files)) - {name} for name, path in files.items()}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert len(order) == len(files)
