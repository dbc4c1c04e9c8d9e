"""Flip any byte of plan, lock, log, input or output: the file is named, exit code 8."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plans
import small_study
from conftest import Answer

CLASSES = {
    "plan": ["study.toml"],
    "lock": ["plan.lock.json"],
    "log": ["plan.log.jsonl"],
    "input": ["data/awards.csv", "data/firms.csv", "data/firm_years.csv"],
    "manifest": ["out/small/manifest.json"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a locked study that was run, its log of two lines."""
    from click.testing import CliRunner

    from evalkit.cli import commands

    home = tmp_path_factory.mktemp("locked")
    study = plans.write(home)
    where = ["--root", str(home), "--out", str(home / "out")]
    for command in (
        ["lock", str(study), *where, "--signer", plans.SIGNER, "--time", plans.TIME],
        ["run", str(study), *where],
    ):
        done = CliRunner().invoke(commands, command, catch_exceptions=False)
        assert done.exit_code == 0
    return home


def files(home: Path, kind: str) -> list[str]:
    if kind != "output":
        return CLASSES[kind]
    outputs = [name for name in small_study.tree(home) if name.startswith("out/small/")]
    return sorted(n for n in outputs if (home / n).is_file() and n != "out/small/manifest.json")


@pytest.mark.parametrize("kind", [*CLASSES, "output"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_is_named(made: Path, cli, kind: str, data: st.DataObject) -> None:
    """A byte is never taken for the one it was: any of its bits may be flipped."""
    name = data.draw(st.sampled_from(files(made, kind)))
    path = made / name
    whole = path.read_bytes()
    place, mask = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
    try:
        answer: Answer = cli("verify", made / "out/small", "--root", made, "--study", made / "study.toml")
    finally:
        path.write_bytes(whole)
    assert answer.code == 8, answer
    assert name.removeprefix("out/small/") in answer.err
