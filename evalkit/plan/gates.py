"""Gates: what must hold before effects are shown. They are the study's checks that need no effects."""

from evalkit import methods
from evalkit.model.study import MethodSpec, Study


def design_checks(study: Study) -> list[MethodSpec]:
    """Return the study's checks that look at the design alone; their `Method` says `is_design = True`."""
    return [c for c in study.check if getattr(methods.method_class("checks", c.method), "is_design", False)]
