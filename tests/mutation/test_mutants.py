"""Every seeded fault is seen by a test; docs/mutants.md lists them."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutation.bank import ANOTHER_PACKAGE, FAILED, PAGE, PASSED, ROOT, Mutant, copied, exit_code, mutants, page, plant

MUTANTS = mutants()
LEAST_KILLED = 0.95


def test_every_mutant_fits_the_code_of_today() -> None:
    """A change of the code takes its mutants along."""
    counts = {m.name: (ROOT / "evalkit" / m.file).read_text(encoding="utf-8").count(m.old) for m in MUTANTS}
    assert {name: n for name, n in counts.items() if n != 1} == {}
    assert [m.name for m in MUTANTS if m.old == m.new] == []


def test_names_are_unique() -> None:
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


def test_their_tests_exist() -> None:
    """By file and name, so that a test that is renamed takes its mutants along."""
    for test in {test for m in MUTANTS for test in m.tests}:
        file, *_, name = test.split("::")
        assert re.search(rf"def {name}\(", (ROOT / file).read_text(encoding="utf-8")), test


def test_the_page_lists_them_with_the_score() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, MUTANTS) == text
    assert all(text.count(f"\n| `{m.name}` |") == 1 for m in MUTANTS)
    assert sum(not m.survives for m in MUTANTS) >= LEAST_KILLED * len(MUTANTS)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A folder with a copy of the package, which does not stay behind."""
    yield copied(tmp_path)
    shutil.rmtree(tmp_path)


def test_only_the_copy_is_tested(tmp_path: Path) -> None:
    assert exit_code(tmp_path, ["--version"]) == ANOTHER_PACKAGE


@pytest.mark.slow
def test_without_a_fault_their_tests_pass(copy: Path) -> None:
    assert exit_code(copy, sorted({test for m in MUTANTS for test in m.tests})) == PASSED


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_the_fault_is_seen(mutant: Mutant, copy: Path) -> None:
    plant(mutant, copy)
    assert exit_code(copy, mutant.tests) == (PASSED if mutant.survives else FAILED)
