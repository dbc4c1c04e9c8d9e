"""The whole evaluation, read top to bottom. The only module that knows every stage."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit import methods
from evalkit.engine.progress import stage
from evalkit.errors import StudyError
from evalkit.model import store, study_file
from evalkit.model.check import Case, CheckResult
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Evaluation, Inputs, Release
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.plan import PlanRecord
from evalkit.model.rehearsal import Rehearsal
from evalkit.model.sample import MatchedSample
from evalkit.model.study import MethodSpec, Study
from evalkit.plan import gates

if TYPE_CHECKING:
    from evalkit.model.panel import Panel
    from evalkit.reporting.disclosure.editions import Shown

RECORDED = ("evalkit", "numpy", "pandas", "pyarrow", "duckdb", "scipy")
"""Packages whose versions can change a number."""
LANGUAGES = ("en", "ja")
"""Languages in which a rehearsal says what it found."""


def load_study(path: str | Path) -> Study:
    """Read and validate a study file; all its problems are reported at once.

    Raises
    ------
    StudyError, ManyErrors
        What is wrong, with section, key and nearest known name.
    """
    return study_file.read_study(Path(path), methods.problems)  # type: ignore[arg-type]


def build(
    study: Study, root: str | Path = ".", quarantine: Path | None = None, *, is_sealed: bool = False
) -> "Panel":  # fmt: skip
    """Read, check, link and pivot the sources into one row per firm.

    Parameters
    ----------
    study : Study
        The question.
    root : path
        Folder that the source paths are relative to.
    quarantine : Path, optional
        Folder for the rows that break a rule.
    is_sealed : bool
        Whether firm-years after the baseline are left unread: what a rehearsal stands on.

    Raises
    ------
    DataError, DesignError
        Input was rejected, or nothing can be compared.
    """
    from evalkit.engine.memory import system_memory
    from evalkit.etl.build import build_panel

    with stage("build"), system_memory():
        return build_panel(study, Path(root), quarantine, is_sealed)


def match(panel: "Panel", method: str = "none", *, seed: int = 0, **options: Any) -> MatchedSample:  # noqa: ANN401
    """Choose the firms that are compared; `methods.names("matching")` lists the methods."""
    from evalkit.engine.memory import system_memory

    matcher = methods.build("matching", method, options)
    with stage(f"match: {method}"), system_memory():
        sample: MatchedSample = matcher.match(panel, seed)
    return dataclasses.replace(sample, seed=seed)


def estimate(sample: MatchedSample, method: str = "group_time", **options: Any) -> Effects:  # noqa: ANN401
    """Estimate effects from a sample; `methods.names("estimation")` lists the estimators.

    Raises
    ------
    StudyError
        The sample has matched sets, and the estimator would ignore them (`E_OPTION`).
    DataError
        An outcome is the same everywhere (`E_NO_VARIANCE`).
    EstimationError, DesignError
        See the estimator.
    """
    from evalkit.engine.memory import system_memory
    from evalkit.engine.paths import require_variance
    from evalkit.stats.threads import one_thread

    estimator = methods.build("estimation", method, options)
    if sample.sets is not None and not getattr(estimator, "takes_sets", False):
        raise StudyError(
            f"'{method}' has one weight for each firm and cannot use the matched sets that '{sample.method}' made",
            where="estimate.method",
            code="E_OPTION",
            hint='estimate with method = "matched_sets"',
        )
    require_variance(sample.panel)
    with stage(f"estimate: {method}"), system_memory(), one_thread():
        effects: Effects = estimator.estimate(sample)
    return effects


def check(sample: MatchedSample, effects: Effects | Sequence[Effects], method: str, **options: Any) -> CheckResult:  # noqa: ANN401
    """Ask one check about a sample and its effects; `methods.names("checks")` lists the checks."""
    given = (effects,) if isinstance(effects, Effects) else tuple(effects)
    case = Case(sample, given, _estimate_again, _match_again)
    asked = methods.build("checks", method, options)
    with stage(f"check: {method}"):
        result: CheckResult = asked.run(case)
    return result


def evaluate(study: Study, root: str | Path = ".", quarantine: Path | None = None) -> Evaluation:
    """Run a whole evaluation: build, match, estimate, check."""
    panel = build(study, root, quarantine)
    sample = match_study(study, panel)
    effects = tuple(estimate_study(spec, sample) for spec in study.estimate)
    checks = tuple(check_study(spec, sample, effects) for spec in study.check)
    return assemble(study, sample, effects, checks)


def release(evaluation: Evaluation, earlier: "Sequence[Shown]" = ()) -> Release:
    """Apply disclosure control, with what `earlier` editions showed; only what this returns may be published."""
    from evalkit.reporting.release import release as released

    with stage("release"):
        return released(evaluation, earlier)


def report(released: Release, folder: str | Path, languages: Sequence[str] | None = None) -> list[Path]:
    """Render a release as files in `folder`."""
    from evalkit.reporting.render import write_report

    with stage("report"):
        return write_report(released, Path(folder), languages)


def rehearse(
    study: Study, root: str | Path = ".", *, after_data: bool = False, files: str | Path | None = None
) -> Rehearsal:  # fmt: skip
    """Rehearse a study before outcomes are opened: on its own firms, with made-up outcomes, without and with an effect.

    Firm-years after the baseline are not read. Matching, estimates, checks, disclosure control and report are the
    study's own; docs/rehearsal.md says what is supposed of outcomes.

    Parameters
    ----------
    study : Study
        The question.
    root : path
        Folder that the source paths are relative to.
    after_data : bool
        Whether outcomes were opened before; it is told wherever the rehearsal is.
    files : path, optional
        Folder for made-up sources in the study's own columns, which are taken from `build` to the report too.

    Raises
    ------
    StudyError, DataError, DesignError
        The study cannot be rehearsed, or not on files (`E_OPTION`). What fails in it is no error: see
        `Rehearsal.failures`.
    """
    from evalkit.etl.shapes import require_makeable, study_shape
    from evalkit.reporting.rehearsed import sentence
    from evalkit.simulate.file_rehearsal import rehearse_files, require_own_folder
    from evalkit.simulate.rehearsal import Stages
    from evalkit.simulate.rehearsal import rehearse as rehearsed

    stages = Stages(partial(match_study, study), estimate_study, partial(_published, study))
    if files is not None:
        require_own_folder(Path(files))
        require_makeable(study, Path(root))
    panel = build(study, root, is_sealed=True)
    shape = study_shape(study, Path(root), panel) if files is not None else None
    found = rehearsed(study, panel, stages)
    if files is not None and shape is not None:
        told = rehearse_files(study, shape, found, stages, partial(build, study), Path(files))
        found = dataclasses.replace(found, files=told)
    provenance = {"study_sha256": study_file.study_hash(study), "seed": study.seed, "versions": versions()}
    found = dataclasses.replace(found, after_data=after_data, provenance=provenance)
    return dataclasses.replace(found, sentences={language: sentence(found, study, language) for language in LANGUAGES})


def _published(study: Study, sample: MatchedSample) -> tuple[dict[str, str], bool]:
    """Go on to the report, in memory; return the checks' verdicts, and whether the main effect is hidden."""
    from evalkit.reporting.rehearsed import is_main_hidden
    from evalkit.reporting.render import html_report

    effects = tuple(estimate_study(spec, sample) for spec in study.estimate)
    checks = tuple(check_study(spec, sample, effects) for spec in study.check)
    released = release(assemble(study, sample, effects, checks))
    for language in study.report.languages:
        html_report(released, language)
    return {check.name: check.verdict for check in checks}, is_main_hidden(released)


def match_study(study: Study, panel: "Panel") -> MatchedSample:
    """Match as the study says."""
    return match(panel, study.match.method, seed=study.seed, **study.match.options)


def estimate_study(spec: MethodSpec, sample: MatchedSample) -> Effects:
    """Estimate as one [[estimate]] says."""
    return estimate(sample, spec.method, **spec.options)


def check_study(spec: MethodSpec, sample: MatchedSample, effects: tuple[Effects, ...]) -> CheckResult:
    """Check as one [[check]] says."""
    return check(sample, effects, spec.method, **spec.options)


def failed_gates(study: Study, sample: MatchedSample) -> list[str]:
    """Return the study's checks of the design that fail, or all of them when none can decide.

    They are asked without any effect.
    """
    verdicts = {spec.method: check_study(spec, sample, ()).verdict for spec in gates.design_checks(study)}
    undecided = set(verdicts.values()) <= {"info"}
    return [name for name, verdict in verdicts.items() if undecided or verdict == "fail"]


def assemble(
    study: Study,
    sample: MatchedSample,
    effects: tuple[Effects, ...],
    checks: tuple[CheckResult, ...],
    plan: PlanRecord | None = None,
    inputs: Inputs | None = None,
) -> Evaluation:
    """Put the parts of an evaluation together, with its provenance."""
    flow = sample.panel.flow.extend(_matching_flow(sample))
    provenance: dict[str, Any] = {
        "study_sha256": study_file.study_hash(study), "seed": study.seed, "versions": versions(),
    }  # fmt: skip
    if isinstance(sample.panel.source, Path):
        provenance["panel_sha256"] = store.sha256(sample.panel.source)
    return Evaluation(study, flow, sample, effects, checks, provenance, plan, inputs)


def versions() -> dict[str, str]:
    """Return the versions of the packages that can change a number."""
    return {name: metadata.version(name) for name in RECORDED}


def _matching_flow(sample: MatchedSample) -> Flow:
    """Say what became of supported and of other firms in matching."""
    supported = sample.panel.cohort > 0
    flow = Flow()
    for unit, group in (("treated firms", supported), ("control firms", ~supported)):
        n, kept = int(group.sum()), int((sample.weight[group] > 0).sum())
        reasons = sorted({str(r) for r in sample.reason[group & (sample.weight == 0)]})
        flow = flow.add(FlowStep("match", unit, n, kept, quarantined=n - kept, reason=", ".join(reasons)))
    return flow


def _estimate_again(sample: MatchedSample, effects: Effects) -> Effects:
    """Estimate with the same method and options on another sample."""
    return estimate(sample, effects.method.split("/")[0], **effects.options)


def _match_again(panel: "Panel", sample: MatchedSample) -> MatchedSample:
    """Match the firms of another panel as those of a sample were."""
    return match(panel, sample.method, seed=sample.seed, **sample.options)
