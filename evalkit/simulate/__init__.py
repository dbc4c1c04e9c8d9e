"""Firms with a planted effect: sample data and scale runs use the same generator.

Effects are planted as exact fractions of integers: sales are A_i * m_t in thousand yen with A_i a multiple of 16, and
a supported firm sells 17/16 of that. Without noise every file value is a whole number and the log effect ln(17/16) is
recovered to rounding, although the files hold integers.
"""

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.model.study import Outcome

if TYPE_CHECKING:
    from evalkit.model.panel import Panel

INDUSTRIES = (
    "建設業", "製造業", "情報通信業", "運輸業、郵便業", "卸売業、小売業", "宿泊業、飲食サービス業",
    "生活関連サービス業、娯楽業", "サービス業(他に分類されないもの)",
)  # fmt: skip
INDUSTRY_SHARE = (0.17, 0.18, 0.06, 0.07, 0.26, 0.10, 0.08, 0.08)
INDUSTRY_PULL = (0.1, 0.9, 0.4, -0.1, -0.2, 0.2, -0.3, 0.0)
PREFECTURES = (
    "北海道", "宮城県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "石川県", "長野県", "静岡県", "愛知県",
    "京都府", "大阪府", "兵庫県", "広島県", "愛媛県", "福岡県", "鹿児島県",
)  # fmt: skip
STEADY = (Fraction(17, 16),)
GROWING = (Fraction(33, 32), Fraction(34, 32), Fraction(35, 32), Fraction(36, 32))
NONE = (Fraction(1),)
UNIT = 32
"""Bases are multiples of this, so that every planted fraction of them is a whole number."""


@dataclasses.dataclass(frozen=True)
class Design:
    """What is simulated.

    Parameters
    ----------
    n_firms : int
        Firms.
    first, last : int
        First and last fiscal year.
    cohorts : tuple of int
        Years in which firms get their first award.
    treated_share : float
        Share of firms that are supported at some time.
    noise : float
        Standard deviation of the yearly shock to log sales; 0 for exact integers without any shock.
    ar : float
        How much of a shock is left a year later.
    exit_rate : float
        Yearly share of firms that leave for good; unrelated to support.
    missing_share : float
        Share of firm-years that are simply not reported.
    seed : int
        Key of the counter-based generator.
    """

    n_firms: int = 20_000
    first: int = 2014
    last: int = 2023
    cohorts: tuple[int, ...] = (2017, 2018, 2019, 2020, 2021)
    treated_share: float = 0.075
    noise: float = 0.12
    ar: float = 0.5
    exit_rate: float = 0.01
    missing_share: float = 0.002
    seed: int = 20261123

    @property
    def years(self) -> NDArray[np.int64]:
        """Fiscal years in order."""
        return np.arange(self.first, self.last + 1)

    @property
    def effects(self) -> dict[str, tuple[Fraction, ...]]:
        """Factor on each outcome by years since the award; the last one stays."""
        return {"sales": STEADY, "value_added": GROWING, "employees": NONE}


@dataclasses.dataclass(frozen=True, eq=False)
class Population:
    """Simulated firms in order of their number.

    Parameters
    ----------
    design : Design
        What was asked for.
    cohort : (n,) int32
        First award, 0 for never.
    industry, prefecture : (n,) int64
        Positions in `INDUSTRIES`, `PREFECTURES`.
    founded : (n,) int64
        Year of foundation.
    observed : (n, T) bool
        Whether a firm-year is reported.
    levels : dict of name to (n, T) int64
        Sales and value added in thousand yen, employees in persons.
    """

    design: Design
    cohort: NDArray[np.int32]
    industry: NDArray[np.int64]
    prefecture: NDArray[np.int64]
    founded: NDArray[np.int64]
    observed: NDArray[np.bool_]
    levels: dict[str, NDArray[np.int64]]


def population(design: Design) -> Population:
    """Simulate firms: larger, growing and manufacturing firms are supported more often.

    Growth before the first award year is a passing shock, so choosing on it biases a comparison without matching.
    """
    rng = np.random.Generator(np.random.Philox(key=design.seed))
    n, years = design.n_firms, design.years
    industry = rng.choice(len(INDUSTRIES), n, p=INDUSTRY_SHARE)
    prefecture = rng.integers(0, len(PREFECTURES), n)
    founded = design.first - 1 - np.minimum(rng.geometric(0.05, n), 90)
    size = np.clip(rng.normal(2.3, 0.9, n) + 0.2 * (industry == 1), 0.7, 5.6)
    shock = _shocks(rng, n, len(years), design)
    cohort = _selection(rng, size, industry, shock, design)
    event = years[None, :] - cohort[:, None]
    hit = np.where((cohort[:, None] > 0) & (event >= 0), event, -1)
    productivity = rng.normal(0, 0.35, n)
    sales = _whole(np.exp(4.6 + size + productivity + 0.15 * (industry == 4)), UNIT)
    value_added = _whole(np.exp(3.4 + size + productivity), UNIT)
    own_shock = 0.8 * shock + _shocks(rng, n, len(years), design)
    t = np.arange(len(years))
    levels = {
        "sales": _planted(sales, 100 + 2 * t + t % 3, STEADY, hit, shock),
        "value_added": _planted(value_added, 100 + 2 * t + (t + 1) % 3, GROWING, hit, own_shock),
        "employees": np.maximum(_planted(_whole(np.exp(size), 1), np.ones_like(t), NONE, hit, 0.3 * shock), 1),
    }  # fmt: skip
    observed = _observed(rng, n, len(years), design)
    return Population(design, cohort, industry, prefecture, founded, observed, levels)


def panel(design: Design) -> "tuple[Panel, dict[str, Any]]":
    """Return simulated firms as a panel in memory, sorted by firm id as any panel is, and the truth.

    Covariates are measured in the year before the first award year: log employees, log sales, growth of sales,
    industry and prefecture.
    """
    import pyarrow as pa

    from evalkit.model.panel import COHORT, FIRM, Panel, PanelCovariate

    firms = population(design)
    base = min(design.cohorts) - 1 - design.first
    columns: dict[str, Any] = {
        FIRM: pa.array(corporate_numbers(design.n_firms)),
        COHORT: pa.array(firms.cohort, pa.int32(), mask=firms.cohort == 0),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = {k: np.where(firms.observed, np.log(v), np.nan) for k, v in firms.levels.items() if k != "value_added"}
    numbers = {
        "log_employees": logs["employees"][:, base],
        "log_sales": logs["sales"][:, base],
        "sales_growth": logs["sales"][:, base] - logs["sales"][:, base - 1],
    }
    columns |= {k: pa.array(v, mask=np.isnan(v)) for k, v in numbers.items()}
    for name, code, words in (("industry", firms.industry, INDUSTRIES), ("prefecture", firms.prefecture, PREFECTURES)):
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(code), pa.array(words)).cast(pa.string())
    for name, level in firms.levels.items():
        for j, year in enumerate(design.years):
            columns[f"{name}@{year}"] = pa.array(level[:, j].astype(float), mask=~firms.observed[:, j])
    roles = [PanelCovariate(k, "number") for k in numbers] + [
        PanelCovariate(k, "category") for k in ("industry", "prefecture")
    ]
    outcomes = tuple(Outcome(name=k, column=k, transform="log", primary=k == "sales") for k in firms.levels)
    rows = pa.table(columns).sort_by(FIRM)
    made = Panel(rows, tuple(int(y) for y in design.years), outcomes, tuple(roles))
    return made, truth(firms)


def truth(firms: Population) -> dict[str, Any]:
    """Return the effects that were put in: logs and per cent by years since the award, and overall.

    `overall_log` weights the cells (cohort, year) from the award on by the number of firms in the cohort, as the
    overall effect of group-time cells does; for sales and employees it does not depend on the weights.
    """
    design = firms.design
    counts = {g: int((firms.cohort == g).sum()) for g in design.cohorts}
    span = design.last - min(design.cohorts)
    outcomes = {}
    for name, path in design.effects.items():
        logs = [math.log(path[min(e, len(path) - 1)]) for e in range(span + 1)]
        cells = [(counts[g], logs[t - g]) for g in design.cohorts for t in range(g, design.last + 1)]
        overall = sum(n * b for n, b in cells) / max(sum(n for n, _ in cells), 1)
        outcomes[name] = {
            "log_by_event_time": {str(e): b for e, b in enumerate(logs)},
            "percent_by_event_time": {str(e): 100 * math.expm1(b) for e, b in enumerate(logs)},
            "overall_log": overall,
            "overall_percent": 100 * math.expm1(overall),
        }
    weights = "treated firms by cohort, every year from the award to the last one"
    return {
        "outcomes": outcomes, "overall_weights": weights, "design": dataclasses.asdict(design),
        "treated_by_cohort": {str(g): n for g, n in counts.items()},
    }  # fmt: skip


def corporate_numbers(n: int) -> list[str]:
    """Return n made-up corporate numbers with the right check digit, in increasing order of their last 12 digits.

    The body starts with 9990, so that they look as made-up as they are.
    """
    body = 999_000_000_000 + np.arange(n, dtype=np.int64)
    total = np.zeros(n, dtype=np.int64)
    rest = body.copy()
    for place in range(12):
        total += (rest % 10) * (1 if place % 2 == 0 else 2)
        rest //= 10
    check = 9 - total % 9
    return [f"{c}{b:012d}" for c, b in zip(check.tolist(), body.tolist(), strict=True)]


def _shocks(rng: np.random.Generator, n: int, n_years: int, design: Design) -> NDArray[np.float64]:
    """Return stationary autoregressive shocks (n, T); zeros without noise, though the same numbers are drawn."""
    draws = rng.normal(0, 1, (n, n_years))
    shock = np.empty((n, n_years))
    shock[:, 0] = draws[:, 0] / math.sqrt(1 - design.ar**2)
    for t in range(1, n_years):
        shock[:, t] = design.ar * shock[:, t - 1] + draws[:, t]
    return shock * design.noise


def _selection(
    rng: np.random.Generator,
    size: NDArray[np.float64],
    industry: NDArray[np.int64],
    shock: NDArray[np.float64],
    design: Design,
) -> NDArray[np.int32]:
    """Return the cohort of each firm: a logit in size, growth before the first award year and industry."""
    base = min(design.cohorts) - 1 - design.first
    pull = 0.5 * (size - 2.3) + 4.0 * (shock[:, base] - shock[:, base - 1]) + np.array(INDUSTRY_PULL)[industry]
    chance = _share(pull, design.treated_share)
    chosen = rng.random(len(size)) < chance
    return np.where(chosen, rng.choice(design.cohorts, len(size)), 0).astype(np.int32)


def _share(pull: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Return logistic chances in `pull` whose mean is `share`."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(pull + middle)))).mean() < share:
            low = middle
        else:
            high = middle
    chance: NDArray[np.float64] = 1 / (1 + np.exp(-(pull + low)))
    return chance


def _whole(value: NDArray[np.float64], unit: int) -> NDArray[np.int64]:
    """Round up to a positive multiple of `unit`."""
    return np.maximum(np.ceil(value / unit), 1).astype(np.int64) * unit


def _planted(
    base: NDArray[np.int64],
    year: NDArray[np.int64],
    path: tuple[Fraction, ...],
    hit: NDArray[np.int64],
    shock: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return base_i * year_t * factor, times exp(shock) and rounded where there is a shock."""
    level = base[:, None] * year[None, :]
    for event in range(int(hit.max(initial=-1)) + 1):
        factor = path[min(event, len(path) - 1)]
        level = np.where(hit == event, level // factor.denominator * factor.numerator, level)
    if not shock.any():
        return level
    noisy: NDArray[np.int64] = np.maximum(np.rint(level * np.exp(shock)), 1).astype(np.int64)
    return noisy


def _observed(rng: np.random.Generator, n: int, n_years: int, design: Design) -> NDArray[np.bool_]:
    leaves = rng.geometric(max(design.exit_rate, 1e-9), n) + 1
    reported = rng.random((n, n_years)) >= design.missing_share
    seen: NDArray[np.bool_] = reported & (np.arange(n_years)[None, :] < leaves[:, None])
    return seen
