"""The five stages of one study: each reads the nouns before it from the run folder and leaves its own."""

import hashlib
from collections.abc import Callable, Hashable
from functools import cached_property
from pathlib import Path
from typing import Any

import evalkit
from evalkit import run
from evalkit.cli.run_folder import HEADLINE, QUALITY, STAGES, RunFolder
from evalkit.etl.paths import input_files
from evalkit.etl.vintages import imported, source_files, sources_of
from evalkit.model import store, study_file
from evalkit.model.check import CheckResult, load_checks, save_checks
from evalkit.model.effects import Effects
from evalkit.model.evaluation import distinct_names
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study

ROOT_MARKS = ("pyproject.toml", "dvc.yaml", ".git", "pipelines")


class Stages:
    """What is asked, where its sources and outputs lie, and the nouns that are already there.

    Parameters
    ----------
    study : Study
        The question.
    root : Path
        Folder that source paths are relative to.
    folder : RunFolder
        Outputs. Hold it (`only_writer`) while stages run.
    """

    def __init__(self, study: Study, root: Path, folder: RunFolder) -> None:
        self.study, self.root, self.folder = study, root, folder
        self._sound: set[str] = set()

    def run(self, stage: str) -> bool:
        """Run one stage unless its outputs are already those it would write; say whether it ran.

        Raises
        ------
        IntegrityError
            An earlier stage has not been run, or no longer belongs to this study and these sources.
        """
        key = self._key(stage)
        if self.folder.problem(stage, key) is None:
            self._sound.add(stage)
            return False
        work: dict[str, Callable[[Path], None]] = {
            "build": self._build, "match": self._match, "estimate": self._estimate,
            "check": self._check, "report": self._report,
        }  # fmt: skip
        with self.folder.writing(stage, key) as draft:
            work[stage](draft)
        self._sound.add(stage)
        return True

    def describe(self) -> dict[str, Any]:
        """Write what the quality of the panel's data is, beside the panel, and return it."""
        from evalkit.etl.awards.link_quality import against_sample, identities
        from evalkit.etl.awards.link_rates import link_rates
        from evalkit.etl.quality import quality

        quarantine = self.folder.path / "restricted" / "quarantine"
        links = link_rates(self._imported, self.root, quarantine)
        links |= {"link_sample": against_sample(self._imported, self.root, quarantine)}
        links |= {"identities": identities(self._imported, self.root)}
        found = quality(self.panel, self.study.disclosure.threshold, links)
        self.folder.add("build", QUALITY, found)
        return found

    def finish(self) -> None:
        """Write the manifest of the whole run."""
        self.folder.finish(self.whole_key())

    def whole_key(self) -> dict[str, Any]:
        """Return all that the whole run depends on."""
        return {**self._provenance, "inputs": self._sources}

    @cached_property
    def panel(self) -> Panel:
        """The panel that `build` left."""
        return Panel.load(self.folder.path / "panel")

    @cached_property
    def sample(self) -> MatchedSample:
        """The sample that `match` left."""
        return MatchedSample.load(self.folder.path / "sample", self.panel)

    @cached_property
    def effects(self) -> tuple[Effects, ...]:
        """The effects that `estimate` left, one per [[estimate]]."""
        return tuple(Effects.load(self.folder.path / "effects" / name) for name in self._estimate_names)

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """The results that `check` left, one per [[check]]."""
        return load_checks(self.folder.path / "checks" / "checks.json")

    def _build(self, draft: Path) -> None:
        run.build(self._imported, self.root, draft / "restricted" / "quarantine").save(draft / "panel")

    def _match(self, draft: Path) -> None:
        run.match_study(self.study, self.panel).save(draft / "sample")

    def _estimate(self, draft: Path) -> None:
        rows: list[dict[Hashable, Any]] = []
        for name, spec in zip(self._estimate_names, self.study.estimate, strict=True):
            effects = run.estimate_study(spec, self.sample)
            effects.save(draft / "effects" / name)
            table = effects.table.astype(object).where(effects.table.notna(), None)
            rows += table.assign(estimate_name=name).to_dict("records")
        store.write_json(draft / "effects" / "effects.json", rows)

    def _check(self, draft: Path) -> None:
        results = tuple(run.check_study(spec, self.sample, self.effects) for spec in self.study.check)
        save_checks(draft / "checks" / "checks.json", results)

    def _report(self, draft: Path) -> None:
        from evalkit.reporting.headline import headline

        evaluation = run.assemble(self.study, self.sample, self.effects, self.checks)
        released = run.release(evaluation)
        run.report(released, draft / "release")
        store.write_text(draft / HEADLINE, headline(released) + "\n")

    def _key(self, stage: str) -> dict[str, Any]:
        """Return all that the outputs of a stage depend on."""
        return {"stage": stage, **self._provenance, "inputs": self._inputs(stage)}

    def _inputs(self, stage: str) -> dict[str, str]:
        """Return SHA-256 of what a stage reads: the sources, or the nouns before it, each verified."""
        if stage == "build":
            return self._sources
        before = list(STAGES)[: list(STAGES).index(stage)]
        for earlier in before:
            self._require(earlier)
        wanted = [(s, n, h) for s in before for n, h in self.folder.outputs(s).items() if n != QUALITY]
        return {n: h for s, n, h in wanted if n.startswith(f"{STAGES[s]}/")}

    def _require(self, stage: str) -> None:
        if stage not in self._sound:
            problem = self.folder.problem(stage, self._key(stage))
            if problem is not None:
                raise problem
            self._sound.add(stage)

    @cached_property
    def _sources(self) -> dict[str, str]:
        home, start = self.root.resolve(), self.study.period.fiscal_year_start
        files = [
            file.path
            for role, source in sources_of(self._imported)
            for file in source_files(source, home, f"sources.{role}.path", start)
        ]
        for role, source in sources_of(self._imported):
            for path in (*source.codes.values(), *source.concordance.values()):
                files += input_files(path, home, f"sources.{role}")
        return {f.relative_to(home).as_posix(): store.sha256(f) for f in files}

    @cached_property
    def _imported(self) -> Study:
        return imported(self.study, self.root)

    @cached_property
    def _provenance(self) -> dict[str, Any]:
        return {
            "study_sha256": study_file.study_hash(self.study), "seed": self.study.seed, "versions": run.versions(),
            "code_sha256": code_hash(),
        }  # fmt: skip

    @property
    def _estimate_names(self) -> list[str]:
        return distinct_names([spec.method for spec in self.study.estimate])


def study_root(study_path: Path) -> Path:
    """Return the folder that source paths are relative to.

    The nearest folder at or above the study file that holds `pyproject.toml`, `dvc.yaml`, `.git` or `pipelines`;
    else the study's own folder.
    """
    home = study_path.resolve().parent
    marked = (f for f in (home, *home.parents) if any((f / mark).exists() for mark in ROOT_MARKS))
    return next(marked, home)


def code_hash() -> str:
    """Return the SHA-256 of evalkit's own files, so that outputs of other code count as out of date."""
    home = Path(evalkit.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(p for p in home.rglob("*") if p.is_file() and p.parent.name != "__pycache__"):
        whole.update(f"{path.relative_to(home).as_posix()}\0{store.sha256(path)}\0".encode())
    return whole.hexdigest()
