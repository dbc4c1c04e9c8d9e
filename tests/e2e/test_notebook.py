"""The notebook runs from top to bottom; it is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
SHOWN = {
    "01_first_evaluation": (2, 8, "put in", "reports/out/notebook/report.en.html"),
    "02_checks_and_plan": (3, 8, "lock: wrote", "reports/out/planned/plan.lock.json"),
}
"""What each notebook shows at least: pictures, tables, a text; and the file that it leaves."""
RUNS = [pytest.param(name, marks=pytest.mark.slow if name.startswith("02") else ()) for name in SHOWN]


def test_there_are_these_notebooks() -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.ipynb")) == list(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_is_kept_without_outputs(name: str) -> None:
    cells = [c for c in nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells if c.cell_type == "code"]
    assert [c for c in cells if c.outputs or c.execution_count] == []


@pytest.mark.parametrize("name", RUNS)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, with nothing there but the study."""
    from evalkit import examples

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    examples.write("sme-demo", tmp_path)
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    n_pictures, n_tables, text, left = SHOWN[name]
    assert [o for o in shown if o.output_type == "error"] == []
    assert [o for o in shown if o.output_type == "stream" and o.name == "stderr"] == []
    assert sum("image/png" in o.get("data", {}) for o in shown) == n_pictures
    assert sum("text/html" in o.get("data", {}) for o in shown) >= n_tables
    assert text in str(shown)
    assert (tmp_path / left).is_file()
