"""A release in the shapes that administrations ask for; each file offers `NAME` and `text(release)`."""

from importlib import import_module

from evalkit.model.evaluation import Release

SHAPES = ("review_sheet", "eu_plan", "overview")


def exports(release: Release) -> dict[str, str]:
    """Return the text of every export by file name."""
    modules = [import_module(f"{__name__}.{shape}") for shape in SHAPES]
    return {module.NAME: module.text(release) for module in modules}
