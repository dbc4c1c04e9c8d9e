"""What did the subsidy do? Matching and difference-in-differences on firm records, from award files to a report."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "load_study": "evalkit.run", "build": "evalkit.run", "match": "evalkit.run", "estimate": "evalkit.run",
    "check": "evalkit.run", "evaluate": "evalkit.run", "release": "evalkit.run", "report": "evalkit.run",
    "rehearse": "evalkit.run",
    "aggregate": "evalkit.stats.aggregate", "simultaneous_band": "evalkit.stats.bands",
    "combine": "evalkit.stats.combine", "total": "evalkit.stats.combine", "adjust": "evalkit.stats.multiplicity",
    "progress": "evalkit.engine.progress",
    "Study": "evalkit.model.study", "Panel": "evalkit.model.panel", "MatchedSample": "evalkit.model.sample",
    "Effects": "evalkit.model.effects", "CheckResult": "evalkit.model.check",
    "Evaluation": "evalkit.model.evaluation", "Release": "evalkit.model.evaluation",
    "Rehearsal": "evalkit.model.rehearsal",
    "EvalkitError": "evalkit.errors", "ManyErrors": "evalkit.errors",
}  # fmt: skip
_MODULES = {
    "figures": "evalkit.reporting.figures",
    "methods": "evalkit.methods",
    "simulate": "evalkit.simulate",
    "tables": "evalkit.reporting.notebook_tables",
}

__all__ = [*_PUBLIC, *_MODULES, "__version__"]  # noqa: PLE0604

if TYPE_CHECKING:
    from evalkit import methods as methods
    from evalkit import simulate as simulate
    from evalkit.engine.progress import progress as progress
    from evalkit.errors import EvalkitError as EvalkitError
    from evalkit.errors import ManyErrors as ManyErrors
    from evalkit.model.check import CheckResult as CheckResult
    from evalkit.model.effects import Effects as Effects
    from evalkit.model.evaluation import Evaluation as Evaluation
    from evalkit.model.evaluation import Release as Release
    from evalkit.model.panel import Panel as Panel
    from evalkit.model.rehearsal import Rehearsal as Rehearsal
    from evalkit.model.sample import MatchedSample as MatchedSample
    from evalkit.model.study import Study as Study
    from evalkit.reporting import figures as figures
    from evalkit.reporting import notebook_tables
    from evalkit.run import build as build
    from evalkit.run import check as check
    from evalkit.run import estimate as estimate
    from evalkit.run import evaluate as evaluate
    from evalkit.run import load_study as load_study
    from evalkit.run import match as match
    from evalkit.run import rehearse as rehearse
    from evalkit.run import release as release
    from evalkit.run import report as report
    from evalkit.stats.aggregate import aggregate as aggregate
    from evalkit.stats.bands import simultaneous_band as simultaneous_band
    from evalkit.stats.combine import combine as combine
    from evalkit.stats.combine import total as total
    from evalkit.stats.multiplicity import adjust as adjust

    tables = notebook_tables


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'evalkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
