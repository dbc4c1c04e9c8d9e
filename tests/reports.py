"""A small evaluation made by hand, so that every number of its report is known; for tests only."""

from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd

import evalkit as ek
from evalkit.model.check import CheckResult
from evalkit.model.effects import CohortShares, Effects
from evalkit.model.evaluation import Evaluation
from evalkit.model.flow import Flow, FlowStep
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study
from evalkit.stats.inference import effects_table

COHORTS = {2018: 40, 2019: 30, 2020: 20}
N_CONTROL = 60
FIRST, LAST = 2016, 2021
ERROR = 0.01


def study(**changes: Any) -> Study:
    """Return a study with outcomes on four scales."""
    source = {"layout": "generic", "path": "x.csv"}
    return Study.model_validate({
        "format": 1, "id": "small", "title": {"en": "A small study", "ja": "小さな分析"},
        "about": {"en": "Made by hand.", "ja": "手作りの例。"}, "seed": 7,
        "sources": {"awards": source, "firm_years": source}, "treatment": {"programme": ["設備補助"]},
        "period": {"first": FIRST, "last": LAST},
        "outcome": [
            {"name": "sales", "transform": "log", "primary": True, "unit": "yen", "label": {"ja": "売上高"}},
            {"name": "hours", "transform": "level", "unit": "hours"},
            {"name": "exit", "transform": "binary"},
            {"name": "assets", "transform": "asinh", "unit": "yen"},
        ],
        "covariates": {"baseline": ["log_employees", "industry"]},
        "check": [{"method": "balance"}, {"method": "overlap"}, {"method": "pretrends"}], **changes,
    })  # fmt: skip


def sample(cohorts: Mapping[int, int] = COHORTS, n_control: int = N_CONTROL) -> MatchedSample:
    """Return firms of some cohorts and controls, all with weight 1."""
    own = [c for c, n in {**cohorts, 0: n_control}.items() for _ in range(n)]
    frame = pd.DataFrame({"firm": [f"CANARY{i:04d}" for i in range(len(own))], "cohort": own})
    long = frame.merge(pd.DataFrame({"year": [FIRST, LAST]}), how="cross").assign(y=1.0)
    panel = ek.Panel.from_frame(long, firm="firm", year="year", cohort="cohort", outcomes=["y"])
    return ek.match(panel, "none")


def effects(
    asked: Study, sizes: Mapping[str, float] | None = None, cohorts: Mapping[int, int] = COHORTS,
    n_control: int = N_CONTROL, method: str = "group_time",
) -> Effects:  # fmt: skip
    """Return cohort-by-year cells: zero before the award, `sizes` by outcome from then on, independent errors."""
    sizes = sizes or {"sales": 0.05, "hours": -2.0, "exit": 0.001, "assets": 0.1}
    cells = [
        (o.name, g, t) for o in asked.outcome for g in cohorts for t in range(FIRST + 1, LAST + 1)
    ]  # fmt: skip
    labels: dict[str, Sequence[Any]] = {
        "outcome": [o for o, _, _ in cells], "estimand": ["att"] * len(cells), "cohort": [g for _, g, _ in cells],
        "year": [t for *_, t in cells], "event_time": [t - g for _, g, t in cells],
        "n_treated": [cohorts[g] for _, g, _ in cells], "n_control": [n_control] * len(cells),
    }  # fmt: skip
    estimate = np.array([sizes.get(o, 0.0) if t >= g else 0.0 for o, g, t in cells])
    table, vcov = effects_table(labels, estimate, np.eye(len(cells)) * ERROR**2, np.inf, 0.95)
    mass = np.array([float(n) for n in cohorts.values()])
    shares = CohortShares(np.array(list(cohorts)), mass, mass, np.zeros((len(cells), len(mass))))
    baseline = {"sales": 300_000_000.0, "hours": 40.0, "exit": 0.1, "assets": 5e7}
    return Effects(
        table, vcov, method, {}, asked.outcome, baseline, shares=shares, notes=("always_treated_dropped:12",)
    )


def checks(verdict: str = "pass", p_value: float = 0.4) -> tuple[CheckResult, ...]:
    """Return a balance check, an overlap check and one of paths before the award."""
    rows = tuple(
        {
            "covariate": c, "level": level, "mean_treated_before": a, "mean_treated": a, "mean_control_before": b,
            "mean_control_after": b, "smd_before": d, "smd_after": d / 2, "variance_ratio_before": r,
            "variance_ratio_after": r,
        }
        for c, level, a, b, d, r in (
            ("log_employees", "", 3.1, 3.0, 0.12, 1.05), ("industry", "A", 0.5, 0.5, 0.0, np.nan),
            ("industry", "B", 0.3, 0.3, 0.0, np.nan), ("industry", "C", 0.2, 0.2, 0.0, np.nan),
        )
    )  # fmt: skip
    balance = CheckResult(
        "balance", "Alike?", "pass", "Alike: 0.060.",
        {"case": "pass", "max_smd_before": 0.12, "max_smd_after": 0.06, "covariate": "log_employees", "level": "",
         "n_covariates": 2, "warn_above": 0.1, "fail_above": 0.25, "n_above": 0}, 0.06, rows,
    )  # fmt: skip
    bins = ({"low": -1.0, "high": 0.0, "n_treated": 40, "n_control": 40},
            {"low": 0.0, "high": 1.0, "n_treated": 50, "n_control": 20})  # fmt: skip
    overlap = CheckResult(
        "overlap", "Overlap?", "pass", "None of 90 without.",
        {"case": "pass", "share": 0.0, "n_treated": 90, "n_outside": 0, "n_unmatched": 0, "n_without": 0,
         "warn_above": 0.05, "fail_above": 0.25, "dropped": {}}, 0.0, bins,
    )  # fmt: skip
    row = {"outcome": "sales", "method": "group_time", "n_pre": 2, "statistic": 3.2, "dof": 2, "p_value": p_value}
    values = {"case": verdict, "alpha": 0.05, "n_tests": 1, "n_rejected": int(p_value < 0.05), **row}
    pretrends = CheckResult("pretrends", "Alike before?", verdict, "p.", values, p_value, (row,))  # type: ignore[arg-type]
    return balance, overlap, pretrends


def specification_curve() -> CheckResult:
    """Return a curve of twelve specifications, the largest effect first, five of them with an interval over zero."""
    choices = [
        (m, a, w) for m in ("group_time", "imputation") for a in ("never_treated", "not_yet_treated")
        for w in ("none", "2018", "2019")
    ]  # fmt: skip
    rows = tuple(
        {"method": m, "against": a, "scale": "log", "caliper": "all", "firms": "all", "without": w,
         "estimate": 4.1 - i / 10, "conf_low": -0.5 if i > 6 else 2.0, "conf_high": 6.1 + i / 10, "p_value": 0.01}
        for i, (m, a, w) in enumerate(choices)
    )  # fmt: skip
    values = {
        "case": "pass", "outcome": "sales", "compared": "12", "failed": "0", "percent_median": 3.55,
        "percent_lowest": 3.0, "percent_highest": 4.1, "share_positive": 1.0, "share_significant": 0.58,
        "p_value": 0.01,
    }  # fmt: skip
    return CheckResult("specification_curve", "Choices?", "pass", "All agree.", values, 1.0, rows)


def evaluation(**parts: Any) -> Evaluation:
    """Put an evaluation together; `parts` replace study, sample, effects, checks, flow or provenance."""
    asked = parts.pop("study", None) or study()
    flow = Flow((
        FlowStep("read awards", "rows", 200, 170, 30, reason="E_DATE: 30"),
        FlowStep("pivot", "firm-years", 900, 150, 0, 750, "one row per firm"),
        FlowStep("match", "treated firms", 90, 90), FlowStep("match", "control firms", 60, 60),
    ))  # fmt: skip
    provenance = {"study_sha256": "ab" * 32, "seed": 7, "versions": {"evalkit": "0.1.0"}}
    whole = {
        "sample": sample(),
        "effects": (effects(asked),),
        "checks": checks(),
        "flow": flow,
        "provenance": provenance,
    }
    return Evaluation(study=asked, **{**whole, **parts})


class Page(HTMLParser):
    """An HTML page read again: tags with attributes, numbers by reference, and text outside numbers by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.numbers: list[tuple[str, str]] = []
        self.text: dict[str, list[str]] = {}
        self._section, self._reference, self._skip = "", "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "section":
            self._section = given["id"] or ""
        if tag in ("svg", "style", "code"):
            self._skip += 1
        self._reference = given.get("data-ref") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("svg", "style", "code"):
            self._skip -= 1
        self._reference = ""

    def handle_data(self, data: str) -> None:
        if self._reference:
            self.numbers.append((self._reference, data))
        elif not self._skip:
            self.text.setdefault(self._section, []).append(data)
