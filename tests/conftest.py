"""What tests of all kinds share."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


class Answer(NamedTuple):
    """What a command line answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Answer]]:
    """Run `evalkit ...` in this process and return its exit code and what it printed."""
    from evalkit.cli import commands
    from evalkit.cli.failures import exit_with

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("EVALKIT_THREADS", os.environ.get("EVALKIT_THREADS", "0"))

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            exit_with(commands, [str(a) for a in arguments])
        return Answer(int(stopped.value.code or 0), *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="session")
def first_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small study whose first edition is published; copy it before publishing more."""
    import sites

    return sites.with_an_edition(tmp_path_factory.mktemp("site"))
