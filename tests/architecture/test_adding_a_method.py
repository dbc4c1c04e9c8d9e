"""A second estimator dropped into `evalkit/estimation` is listed, documented and contract-tested with no other edit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEWCOMER = '''\
"""Group-time effects against later cohorts, too."""

import dataclasses

from evalkit import methods
from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample


@dataclasses.dataclass(frozen=True)
class Method:
    """Effect against all firms not supported by then.

    Parameters
    ----------
    scale : float
        What every effect is multiplied with.

    Reference
    ---------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225(2).
    """

    scale: float = 1.0

    def estimate(self, sample: MatchedSample) -> Effects:
        """Estimate as group_time does and name the result."""
        found = methods.build("estimation", "group_time", {"comparison": "not_yet_treated"}).estimate(sample)
        return dataclasses.replace(found, method="newcomer", options={"scale": self.scale})
'''


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "evalkit", home / "evalkit", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "contract", home / "tests" / "contract", ignore=ignore)
    for path in (ROOT / "tests").glob("*.py"):
        shutil.copy(path, home / "tests")
    shutil.copy(ROOT / "pyproject.toml", home)
    (home / "evalkit" / "estimation" / "newcomer.py").write_text(NEWCOMER, "utf-8")
    return home


def python(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_it_is_listed(copy: Path) -> None:
    out = python(copy, "-m", "evalkit", "methods", "estimation").stdout
    assert "newcomer" in out
    assert "Effect against all firms not supported by then." in out


def test_it_is_documented(copy: Path) -> None:
    out = python(copy, "-m", "evalkit", "methods", "estimation", "newcomer").stdout
    for words in ("scale (a number, default 1.0)", "What every effect is multiplied with.", "Callaway"):
        assert words in out


def test_a_study_may_name_it_and_its_options_are_checked(copy: Path) -> None:
    import small_study

    for option, code in (("scale = 2.0", 0), ("scle = 2.0", 2)):
        study = small_study.write(
            copy / option[:4], study=lambda s, o=option: s.replace('"group_time"', f'"newcomer"\n{o}')
        )
        assert python(copy, "-m", "evalkit", "validate", str(study)).returncode == code


def test_it_is_contract_tested(copy: Path) -> None:
    found = python(
        copy, "-m", "pytest", "-p", "no:cacheprovider", "tests/contract/test_estimators.py", "-k", "newcomer"
    )
    assert found.returncode == 0, found.stdout
    assert found.stdout.count("\n") >= 1
    assert " passed" in found.stdout or "[100%]" in found.stdout
