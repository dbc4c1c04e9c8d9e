"""Five small studies of made-up firms as the files a ministry would hold; four have one thing wrong with them."""

import csv
import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from evalkit import simulate

STUDY = """\
format = 1
id = "spoilt"
title.en = "Equipment subsidy"
title.ja = "設備投資補助金の効果"
about.en = "Did the equipment subsidy raise the sales of supported firms?"
about.ja = "設備投資補助金は支援企業の売上高を高めたか。"
seed = 7

[sources.awards]
layout = "generic-awards"
path = "awards.csv"
unit.amount = "thousand_yen"
[sources.firms]
layout = "generic-firms"
path = "firms.csv"
[sources.firm_years]
layout = "generic-firm-years"
path = "firm_years.csv"
unit.sales = "yen"

[treatment]
programme = ["設備投資補助金"]
overlap = "mark"
[period]
first = 2013
last = 2020

[[outcome]]
name = "sales"
transform = "log"
primary = true
unit = "yen"
label = { en = "Sales", ja = "売上高" }

[covariates]
baseline = ["log_sales", "sales_growth", "industry"]
[match]
method = "nearest"
exact = ["industry"]
caliper = 0.2
[[estimate]]
method = "group_time"
[[check]]
method = "balance"
[[check]]
method = "overlap"
[[check]]
method = "pretrends"
[[check]]
method = "co_treatment"
[[check]]
method = "attrition"
[[check]]
method = "composition"

[report]
languages = ["en", "ja"]
formats = ["html", "md"]
"""
REPAIR = '\n[units]\ncolumns = ["sales"]\naction = "repair"\n'
OWN, OTHER = "設備投資補助金", "販路開拓補助金"
FACTOR = 17 / 16
"""On the sales of a supported firm, in every study but the one without an effect."""
THOUSAND = 1_000


@dataclasses.dataclass
class Firms:
    """What a spoiler may change: yen of sales (n, T), which years are reported, and awards of another programme."""

    cohort: np.ndarray
    years: np.ndarray
    sales: np.ndarray
    observed: np.ndarray
    others: dict[int, int]
    rng: np.random.Generator

    @property
    def event(self) -> np.ndarray:
        """Years since the award (n, T)."""
        return self.years - self.cohort[:, None]

    @property
    def is_after(self) -> np.ndarray:
        """Supported firms from their award on (n, T)."""
        return (self.cohort[:, None] > 0) & (self.event >= 0)


def pretrend(firms: Firms) -> None:
    """Supported firms grow faster by 3 % a year, with and without the award."""
    drift = np.exp(0.03 * firms.event)
    firms.sales = np.where(firms.cohort[:, None] > 0, np.rint(firms.sales * drift), firms.sales)


def contamination(firms: Firms) -> None:
    """Of the other firms, 15 % have an award of another programme that does as much."""
    other = firms.rng.permutation(np.flatnonzero(firms.cohort == 0))
    other = other[: round(0.15 * len(other))]
    start = firms.rng.choice(np.unique(firms.cohort[firms.cohort > 0]), len(other))
    firms.others = dict(zip(other.tolist(), start.tolist(), strict=True))
    firms.sales[other] = np.rint(firms.sales[other] * np.where(firms.years >= start[:, None], FACTOR, 1.0))


def digits(firms: Firms) -> None:
    """In 1 % of the rows with a row before and after the amount is in thousand yen, never twice in a row."""
    slip = firms.rng.random(firms.sales.shape) < 0.01
    slip[:, [0, -1]] = False
    slip[:, 1:-1] &= firms.observed[:, :-2] & firms.observed[:, 1:-1] & firms.observed[:, 2:]
    slip[:, 1:] &= ~slip[:, :-1]
    firms.sales = np.where(slip, firms.sales / THOUSAND, firms.sales)


def leaving(firms: Firms) -> None:
    """From 2016 on, 25 % of the firms without an award leave each year, and 5 % of the supported ones."""
    chance = np.where(firms.cohort > 0, 0.05, 0.25)
    leaves = (firms.rng.random(firms.sales.shape) < chance[:, None]) & (firms.years >= 2016)
    firms.observed &= ~np.maximum.accumulate(leaves, axis=1)


def no_effect(firms: Firms) -> None:
    """The award does nothing."""
    firms.sales = np.where(firms.is_after, np.rint(firms.sales / FACTOR), firms.sales)


SPOILERS: dict[str, Callable[[Firms], None]] = {
    "pretrend": pretrend, "contamination": contamination, "digits": digits, "leaving": leaving, "no_effect": no_effect,
}  # fmt: skip


def write(folder: Path, spoil: Callable[[Firms], None] = lambda _: None, seed: int = 1, more: str = "") -> Path:
    """Write a study and its files; return the study file."""
    design = simulate.Design(
        n_firms=1_500, first=2013, last=2020, cohorts=(2016, 2017, 2018), treated_share=0.2, seed=seed
    )
    made = simulate.population(design)
    rng = np.random.default_rng([seed, 1])
    firms = Firms(made.cohort, design.years, made.levels["sales"] * float(THOUSAND), made.observed, {}, rng)
    spoil(firms)
    folder.mkdir(parents=True, exist_ok=True)
    ids = simulate.corporate_numbers(design.n_firms)
    own = [(int(i), OWN, int(made.cohort[i])) for i in np.flatnonzero(made.cohort)]
    awards = [*own, *((i, OTHER, year) for i, year in firms.others.items())]
    _csv(
        folder / "awards.csv", "award_id,firm_id,programme,award_date,amount",
        [(f"A{k}", ids[i], name, f"{year}-06-01", 5_000) for k, (i, name, year) in enumerate(awards)],
    )  # fmt: skip
    industries = (simulate.INDUSTRIES[k] for k in made.industry)
    _csv(folder / "firms.csv", "firm_id,industry", zip(ids, industries, strict=True))
    rows = zip(*np.nonzero(firms.observed), strict=True)
    _csv(
        folder / "firm_years.csv", "firm_id,fiscal_year,sales",
        [(ids[i], int(firms.years[t]), int(firms.sales[i, t])) for i, t in rows],
    )  # fmt: skip
    path = folder / "study.toml"
    path.write_text(STUDY + more, encoding="utf-8")
    return path


def _csv(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
