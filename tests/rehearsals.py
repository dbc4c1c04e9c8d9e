"""Firms, awards and studies to rehearse without files; for tests only."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import evalkit as ek
from evalkit import run
from evalkit.model.rehearsal import Rehearsal
from evalkit.model.sample import MatchedSample
from evalkit.model.study import Study
from evalkit.simulate.rehearsal import Stages, rehearse

YEARS = range(2014, 2022)
NOISE = {"mean": 5.0, "sd_firms": 1.0, "sd_shocks": 0.1, "autocorrelation": 0.5, "missing": 0.0, "growth": 0.01}


def panel(n: int = 160, share: float = 0.5, cohorts: tuple[int, ...] = (2016, 2018), scale: str = "log") -> ek.Panel:
    """Return firms with one outcome, of which only the years before the first award have values."""
    first_never = round(n * share)
    rows = [
        {
            "firm": f"F{i:04d}", "year": year, "cohort": cohorts[i % len(cohorts)] if i < first_never else 0,
            "y": float(np.exp(2 + (i * 37 + year * 101) % 89 / 100)) if year < min(cohorts) else np.nan,
            "industry": "AB"[i % 2],
        }
        for i in range(n)
        for year in YEARS
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return ek.Panel.from_frame(
        frame, firm="firm", year="year", cohort="cohort", outcomes={"y": scale}, covariates=["industry"]
    )


def study(
    *estimators: str | dict[str, Any], replications: int = 50, outcome: dict[str, Any] | None = None,
    scale: str = "log",
) -> Study:  # fmt: skip
    """Return a study of that panel."""
    chosen = [{"method": e} if isinstance(e, str) else e for e in estimators or ("group_time",)]
    supposed = {"name": "y", **(NOISE if outcome is None else outcome)}
    source = {"layout": "generic-awards", "path": "none"}
    return Study.model_validate({
        "format": 1, "id": "made-up", "title": {"en": "Made up"}, "seed": 5,
        "sources": {"awards": source, "firm_years": source}, "period": {"first": YEARS[0], "last": YEARS[-1]},
        "outcome": [{"name": "y", "transform": scale, "primary": True}], "estimate": chosen,
        "rehearsal": {"replications": replications, "outcome": [supposed]},
    })  # fmt: skip


def rehearsed(asked: Study, firms: ek.Panel) -> Rehearsal:
    """Rehearse without checks and report."""
    return rehearse(asked, firms, Stages(partial(run.match_study, asked), run.estimate_study, nothing))


def nothing(_sample: MatchedSample) -> tuple[dict[str, str], bool]:
    """Publish nothing, without complaint."""
    return {}, False
