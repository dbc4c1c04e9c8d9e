"""A figure of a release, before it becomes bytes."""

import re
from typing import NamedTuple

from matplotlib.figure import Figure


class Made(NamedTuple):
    """One figure of a release.

    Parameters
    ----------
    name : str
        How sections ask for it: "flow", "event_study/<estimate>/<outcome>".
    stem : str
        File name without language and ending.
    title, alternative : str
        Caption, and what a reader who does not see the figure is told.
    figure : Figure
        The figure.
    """

    name: str
    stem: str
    title: str
    alternative: str
    figure: Figure


def slug(name: str) -> str:
    """Return a name as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)
