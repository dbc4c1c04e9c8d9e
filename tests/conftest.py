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


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str, float], None]:
    """Say a share of samples, such as a size or a power, in the table at the end of the run."""
    return lambda name, share: record_property(f"share:{name}", float(share))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the shares of samples that tests told (`tell`), one a line."""
    reports = [r for outcome in ("passed", "failed") for r in terminalreporter.getreports(outcome) if r.when == "call"]
    lines = [
        f"{share:7.2%}  {name.removeprefix('share:')}  {report.nodeid.rpartition('::')[2]}"
        for report in reports for name, share in report.user_properties if name.startswith("share:")
    ]  # fmt: skip
    if lines:
        terminalreporter.section("shares of samples")
        terminalreporter.write_line("\n".join(lines))
