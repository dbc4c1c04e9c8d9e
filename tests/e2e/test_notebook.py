"""The notebook runs from top to bottom; it is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook() -> None:
    assert [p.name for p in NOTEBOOKS] == ["01_first_evaluation.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert [c for c in cells if c.outputs or c.execution_count] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, with nothing there but the study."""
    from evalkit import examples

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    examples.write("sme-demo", tmp_path)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert [o for o in shown if o.output_type == "error"] == []
    assert sum("image/png" in o.get("data", {}) for o in shown) == 2
    assert sum("text/html" in o.get("data", {}) for o in shown) >= 8
    assert "put in" in str(shown)
    assert (tmp_path / "reports/out/notebook/report.en.html").is_file()
