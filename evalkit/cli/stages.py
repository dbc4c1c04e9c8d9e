"""The five stages of one study: each reads the nouns before it from the run folder and leaves its own."""

import dataclasses
from collections.abc import Callable, Hashable
from functools import cached_property
from pathlib import Path
from typing import Any

from evalkit import run
from evalkit.cli.planned import frozen
from evalkit.cli.run_folder import HEADLINE, LEDGER, QUALITY, STAGES, RunFolder
from evalkit.cli.source_files import code_hash, source_hashes
from evalkit.errors import DesignError
from evalkit.etl.vintages import imported
from evalkit.model import store, study_file
from evalkit.model.check import CheckResult, load_checks, save_checks
from evalkit.model.effects import Effects
from evalkit.model.evaluation import Inputs, distinct_names
from evalkit.model.panel import Panel
from evalkit.model.plan import PlanRecord
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study
from evalkit.plan.canonical import digest
from evalkit.plan.clock import time_of
from evalkit.plan.lock import PlanFiles
from evalkit.plan.log import add_line, head


class Stages:
    """What is asked, where its sources and outputs lie, and the nouns that are already there.

    Parameters
    ----------
    study : Study
        The question.
    study_path : Path
        Its file; the plan's lock and log lie beside it.
    root : Path
        Folder that source paths are relative to.
    folder : RunFolder
        Outputs. Hold it (`only_writer`) while stages run.
    """

    def __init__(self, study: Study, study_path: Path, root: Path, folder: RunFolder) -> None:
        self.study, self.study_path, self.root, self.folder = study, study_path.resolve(), root, folder
        self.plan_files = PlanFiles(self.study_path.parent)
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
        beside = (self.study_path, self.plan_files.lock_path)
        plan = {path.name: store.sha256(path) for path in beside if path.is_file()}
        whole = {
            **self._provenance, "inputs": self._sources, "plan": plan, "log": head(self.plan_files.log()),
            "study": self.study.model_dump(mode="json", by_alias=True), "study_path": self._place,
        }  # fmt: skip
        self.folder.finish(whole)

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

    @cached_property
    def plan(self) -> PlanRecord | None:
        """The locked plan with what is not as planned; None without a lock."""
        if self.plan_files.lock() is None:
            return None
        return self.plan_files.record(frozen(self.study, self._imported, self.study_path, self.root))

    def _build(self, draft: Path) -> None:
        run.build(self._imported, self.root, draft / "restricted" / "quarantine").save(draft / "panel")

    def _match(self, draft: Path) -> None:
        run.match_study(self.study, self.panel).save(draft / "sample")

    def _open(self) -> None:
        """Open the effects of a locked plan, and write it down the first time.

        Raises
        ------
        DesignError
            `E_SEALED`: checks of the design fail, and nobody has unsealed the effects since the plan was locked.
        """
        if self.plan is None:
            return
        failed = [] if self.plan_files.since_lock("unseal") else run.failed_gates(self.study, self.sample)
        if failed:
            raise DesignError(
                f"the plan is locked, and the design does not hold: {', '.join(failed)}", where="estimate",
                code="E_SEALED", hint="mend the design, or `evalkit unseal STUDY --reason TEXT --by NAME`",
            )  # fmt: skip
        if not self.plan_files.since_lock("open"):
            add_line(self.plan_files.log_path, "open", time_of(), lock_sha256=self.plan.lock_sha256)

    def _estimate(self, draft: Path) -> None:
        self._open()
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
        from evalkit.reporting.disclosure.editions import ledger_text, read_ledger
        from evalkit.reporting.headline import headline

        evaluation = run.assemble(self.study, self.sample, self.effects, self.checks, self.plan, self._source_facts())
        ledger = self.folder.path / LEDGER
        earlier = read_ledger(ledger.read_text(encoding="utf-8")) if ledger.is_file() else ()
        released = run.release(evaluation, earlier)
        run.report(released, draft / "release")
        store.write_text(draft / LEDGER, ledger_text(released, earlier))
        store.write_text(draft / HEADLINE, headline(released) + "\n")

    def _source_facts(self) -> Inputs:
        """Return the files behind the panel, and how many awards of each programme and year found a firm."""
        from evalkit.etl.awards.link_rates import link_rates

        quarantine = self.folder.path / "restricted" / "quarantine"
        return Inputs(self._sources, tuple(link_rates(self._imported, self.root, quarantine)["links"]))

    def _key(self, stage: str) -> dict[str, Any]:
        """Return all that the outputs of a stage depend on."""
        key = {"stage": stage, **self._provenance, "inputs": self._inputs(stage)}
        if stage in ("build", "match"):
            return key
        if stage == "report":
            return {**key, "plan": digest(dataclasses.asdict(self.plan)) if self.plan else None}
        return {**key, "lock": self.plan.lock_sha256 if self.plan else None}

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
        return source_hashes(self._imported, self.root)

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
    def _place(self) -> str:
        """The study file as seen from the root; its name alone where it lies elsewhere."""
        home = self.root.resolve()
        is_below = self.study_path.is_relative_to(home)
        return self.study_path.relative_to(home).as_posix() if is_below else self.study_path.name

    @property
    def _estimate_names(self) -> list[str]:
        return distinct_names([spec.method for spec in self.study.estimate])
