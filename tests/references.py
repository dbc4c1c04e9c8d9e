"""Where stored answers lie. They are beside the repository for its developers and in CI, not in users' copies."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "reference"


def reference(name: str) -> Path:
    """Return the path of a stored answer or data set; skip where it is absent, but never in CI."""
    path = FOLDER / name
    if not path.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} must be present in CI")
        pytest.skip(f"stored reference {name} is not part of this copy")
    return path
