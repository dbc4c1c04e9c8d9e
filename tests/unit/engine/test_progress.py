"""Progress is seen by who watches, and by nobody else."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import evalkit as ek
import small_study
import twins
from evalkit.engine import progress as module
from evalkit.engine.local import map_blocks
from evalkit.model import store


class Terminal(io.StringIO):
    """A standard error that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], Terminal]:
    """Put a terminal in place of standard error; inside a test, because pytest replaces it before."""

    def watched() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        return stream

    return watched


def descriptions() -> list[str]:
    display = module._DISPLAY.get()
    return [] if display is None else [task.description for task in display.tasks]


def test_stages_are_shown_one_inside_the_other_and_are_gone_afterwards(
    watch: Callable[[], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = watch()
    with ek.progress():
        with module.stage("check: <b>[red]x"), module.stage("estimate: group_time"):
            assert descriptions() == ["check: <b>[red]x", "estimate: group_time"]
        assert descriptions() == []
        sys.stdout.write("said\n")
    assert module._DISPLAY.get() is None
    shown = terminal.getvalue()
    assert "check: <b>[red]x" in shown
    assert "estimate: group_time" in shown
    assert capsys.readouterr().out == "said\n"


def test_a_pass_tells_how_many_firms_are_done(watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    watch()
    monkeypatch.setattr(store, "BLOCK_FIRMS", 16)
    panel = twins.panel(twins.frame(n=100))
    with ek.progress():
        seen = []
        for _ in map_blocks(panel, ["firm_id"], lambda block, _row: block.num_rows):
            (task,) = module._DISPLAY.get().tasks
            assert (task.description, task.total) == ("firms", 100)
            seen.append(task.completed)
        assert seen == [16, 32, 48, 64, 80, 96, 100]
        assert descriptions() == []


def test_a_pass_that_ends_early_is_taken_off(watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    watch()
    monkeypatch.setattr(store, "BLOCK_FIRMS", 16)
    panel = twins.panel(twins.frame(n=100))
    with ek.progress():
        blocks = map_blocks(panel, ["firm_id"], lambda block, _row: block.num_rows)
        next(blocks)
        blocks.close()
        assert descriptions() == []
        with pytest.raises(ZeroDivisionError), module.stage("match"):
            1 / 0  # noqa: B018
        assert descriptions() == []


def test_the_verbs_name_their_stage(watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    panel = twins.panel(twins.frame(n=60))
    with ek.progress():
        sample = ek.match(panel, "none")
        effects = ek.estimate(sample, "group_time")
        ek.check(sample, effects, "pretrends")
    for name in ("match: none", "estimate: group_time", "check: pretrends"):
        assert name in terminal.getvalue()


def test_a_second_display_inside_the_first_is_the_first(watch: Callable[[], Terminal]) -> None:
    watch()
    with ek.progress():
        outer = module._DISPLAY.get()
        with ek.progress():
            assert module._DISPLAY.get() is outer is not None
        assert module._DISPLAY.get() is outer


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_a_log_shows_nothing_even_when_it_takes_colours(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "1")
    with ek.progress(), module.stage("match"):
        assert module._DISPLAY.get() is None
    assert capsys.readouterr() == ("", "")


def test_a_dumb_terminal_shows_nothing(watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watch()
    monkeypatch.setenv("TERM", "dumb")
    with ek.progress(), module.stage("match"):
        pass
    assert terminal.getvalue() == ""


def test_without_being_asked_nothing_is_shown(watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    ek.estimate(ek.match(twins.panel(twins.frame(n=60)), "none"), "group_time")
    assert terminal.getvalue() == ""


def test_a_command_shows_its_stage_on_standard_error_alone(
    watch: Callable[[], Terminal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = watch()
    from evalkit.cli import commands

    streams = {"watched": terminal, "piped": io.StringIO()}
    for name, stream in streams.items():
        folder = tmp_path / name
        command = ["build", str(small_study.write(folder)), "--out", str(folder / "out"), "--root", str(folder)]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "stderr", stream)
            commands.main(command, standalone_mode=False)
    assert "small: build" in streams["watched"].getvalue()
    assert streams["piped"].getvalue() == ""
    watched, piped = (small_study.tree(tmp_path / name / "out" / "small" / "panel") for name in streams)
    assert watched == piped
    assert "small: build" not in capsys.readouterr().out
