"""How far a long run is: stages, and firms done of all in a pass. Nothing is shown unless somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_DISPLAY: "ContextVar[Progress | None]" = ContextVar("display", default=None)


@contextmanager
def progress() -> Iterator[None]:
    """Show what runs inside, and how far it is, in a notebook or on a terminal.

    It writes to the standard error of a terminal or into the cell's output, is gone afterwards, and shows nothing in
    scripts, pipes and logs. What is computed stays the same.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if _DISPLAY.get() is not None or not _is_watched(console):
        yield
        return
    with _on(console) as display:
        before = _DISPLAY.set(display)
        try:
            yield
        finally:
            _DISPLAY.reset(before)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Show that a stage runs, as long as it does."""
    display = _DISPLAY.get()
    if display is None:
        yield
        return
    task = display.add_task(name, total=None)
    try:
        yield
    finally:
        display.remove_task(task)


@contextmanager
def firms_done(count: Callable[[], int]) -> Iterator[Callable[[int], None]]:
    """Give what tells that so many more firms are done, of all that `count` says; it is asked only when shown."""
    display = _DISPLAY.get()
    if display is None:
        yield lambda _: None
        return
    task = display.add_task("firms", total=count())
    try:
        yield lambda n: display.advance(task, n)
    finally:
        display.remove_task(task)


def _is_watched(console: "Console") -> bool:
    """Say whether there is a notebook or a terminal; a log that asks for colours is neither."""
    return console.is_jupyter or (console.file.isatty() and not console.is_dumb_terminal)


def _on(console: "Console") -> "Progress":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
