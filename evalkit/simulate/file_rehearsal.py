"""Rehearse a study from its files on: made-up sources in its own columns, taken to the report."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EvalkitError, ManyErrors, StudyError, each
from evalkit.model import store
from evalkit.model.evaluation import distinct_names
from evalkit.model.panel import Panel
from evalkit.model.rehearsal import Failure, FileEstimate, FilesRehearsed, Rehearsal
from evalkit.model.sample import MatchedSample
from evalkit.model.source_shape import StudyShape
from evalkit.model.study import Study
from evalkit.simulate.made_files import MadeFirms, told_outcomes
from evalkit.simulate.rehearsal import ARMS, Stages, planted_and_found
from evalkit.simulate.stand_ins import Paths, Supposed
from evalkit.simulate.truths import is_planted_effect
from evalkit.stats.noise import Noise

TRUTH = "truth.json"
FARTHEST = 4.0
"""Standard errors that one estimate may lie off the truth: by chance one in 16,000 does, while one in twenty lies
outside a 95 % interval, which is told and fails nothing."""

SAME = 1e-9
"""Six decimals as text are read back to the last bits of a float64."""


def require_own_folder(folder: Path) -> None:
    """Refuse a folder with anything else than an earlier rehearsal's files.

    Raises
    ------
    StudyError
        `E_OPTION`.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TRUTH).is_file())):
        problem = "the folder for made-up files holds something else"
        raise StudyError(problem, where=str(folder), code="E_OPTION", hint="name a folder that is empty or not there")


def rehearse_files(
    study: Study, shape: StudyShape, found: Rehearsal, stages: Stages, build: Callable[[Path], Panel], folder: Path
) -> FilesRehearsed:  # fmt: skip
    """Write made-up files without and with the effect of a rehearsal, and take each through the whole study.

    Parameters
    ----------
    study : Study
        The question.
    shape : StudyShape
        What may be told of its files; nothing else of them is known here.
    found : Rehearsal
        Its rehearsal: what is supposed of outcomes, and the effect.
    stages : Stages
        How the study matches, estimates, and publishes.
    build : callable
        From a folder to its panel.
    folder : Path
        Where to write.
    """
    noise = [f.name for f in dataclasses.fields(Noise)]
    laws = {o: Supposed(Noise(**{n: s[n] for n in noise}), s["source"]) for o, s in found.supposed.items()}
    firms = MadeFirms(study, shape, laws)
    planted = {o: np.array(found.supposed[o]["effect"]) for o in firms.laws if found.supposed[o]["effect"]}
    rows, failures = list[FileEstimate](), list[Failure]()
    for number, arm in enumerate(ARMS[:2]):
        paths: Paths = planted if arm == "planted" else {}
        firms.write(folder / arm, number, paths)
        try:
            panel = build(folder / arm)
            failures += misread(panel, firms, firms.values(number, paths), arm)
            sample = stages.match(panel)
            rows += _estimates(study, stages, sample, arm, paths)
            if stages.publish(sample)[1]:
                failures.append(Failure("files_hidden", arm=arm))
        except (EvalkitError, ManyErrors) as error:
            failures.append(Failure("files_refused", arm=arm, value=each(error)[0].code))
    for r in rows:
        if not math.isfinite(r.off):
            failures.append(Failure("no_error", r.estimate, r.outcome, r.arm))
        elif not r.is_near:
            failures.append(Failure("files_off", r.estimate, r.outcome, r.arm, r.off))
    store.write_json(folder / TRUTH, _truth(study, shape, firms, planted))
    left = tuple(o.name for o in study.outcome if o.name not in firms.laws)
    return FilesRehearsed(tuple(rows), tuple(failures), written(folder, shape), left)


def written(folder: Path, shape: StudyShape) -> dict[str, str]:
    """Return SHA-256 by path of the files of both arms and the truth."""
    names = [TRUTH, *(f"{arm}/{source.path}" for arm in ARMS[:2] for source in shape.sources)]
    return {name: store.sha256(folder / name) for name in sorted(names)}


def misread(panel: Panel, firms: MadeFirms, made: Mapping[str, NDArray[np.float64]], arm: str) -> Iterator[Failure]:
    """Yield where firms of a panel have another cohort, or other outcomes, than they were made with.

    Outcomes that the study moves to quantiles are left out.

    Parameters
    ----------
    panel : Panel
        What `build` read.
    firms : MadeFirms
        The firms as they were made.
    made : dict of column to levels
        Their values (n, T).
    arm : str
        Which files.
    """
    place_of = {firm: i for i, firm in enumerate(firms.firm.to_pylist())}
    place = np.array([place_of.get(str(firm).removeprefix("T"), -1) for firm in panel.firm.to_pylist()])
    if (place < 0).any() or (firms.cohort[place] != panel.cohort).any():
        yield Failure("files_cohorts", arm=arm)
        return
    for o in told_outcomes(firms.study):
        if o.winsor is None:
            read = np.stack([c.to_numpy().astype(np.float64) for c in panel.read(panel.columns_of(o)).columns], axis=1)
            if not np.allclose(read, made[o.column][place], rtol=SAME, atol=SAME, equal_nan=True):
                yield Failure("files_values", outcome=o.name, arm=arm)


def _estimates(
    study: Study, stages: Stages, sample: MatchedSample, arm: str, paths: Paths
) -> Iterator[FileEstimate]:  # fmt: skip
    """Yield each estimate's overall effect on each outcome that files follow, with the truth."""
    followed = {o.name for o in told_outcomes(study)}
    names = distinct_names([spec.method for spec in study.estimate])
    for name, spec in zip(names, study.estimate, strict=True):
        if is_planted_effect(spec):
            for outcome, told in planted_and_found(stages.estimate(spec, sample), sample, paths):
                if outcome in followed:
                    truth, estimate, error, reach = map(float, told)
                    off = (estimate - truth) / error if error > 0 else math.inf
                    is_near, is_covered = bool(abs(off) <= FARTHEST), bool(abs(estimate - truth) <= reach)
                    yield FileEstimate(arm, name, outcome, truth, estimate, error, off, is_near, is_covered)


def _truth(study: Study, shape: StudyShape, firms: MadeFirms, planted: Paths) -> dict[str, Any]:
    return {
        "format": 1, "study": study.id, "seed": study.seed, "periods": list(study.period.labels),
        "firms_by_cohort": {str(year): n for year, n in shape.cohorts.items()},
        "outcomes": {
            o.name: {
                "column": o.column, "transform": o.transform, "law": dataclasses.asdict(firms.laws[o.name].noise),
                "effect_by_years_since_award": planted[o.name].tolist() if o.name in planted else [0.0],
            }
            for o in told_outcomes(study)
        },
    }  # fmt: skip
