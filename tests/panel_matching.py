"""Firms in four award cohorts, and slow twins of panel matching and of its estimator; for tests only."""

import numpy as np
import pandas as pd

import evalkit as ek
import firms

YEARS = list(range(2010, 2019))
COHORTS = (0, 2013, 2014, 2016, 2025)


def frame(n: int = 160, seed: int = 1, *, noise: float = 0.5, effect: float = 0.5) -> pd.DataFrame:
    """Long table: firm, year, g, y (autoregressive, its effect grows by a tenth a year), z, size and kind."""
    rng = np.random.default_rng(seed)
    cohort = rng.choice(COHORTS, n, p=[0.55, 0.12, 0.12, 0.12, 0.09])
    shock = rng.normal(0, 1, (n, len(YEARS))).cumsum(axis=1)
    event = np.array(YEARS) - cohort[:, None]
    hit = (cohort[:, None] > 0) & (event >= 0)
    y = rng.normal(0, 1, (n, 1)) + np.cos(YEARS) + noise * shock + hit * (effect + 0.1 * event)
    size = rng.normal(3, 1, n)
    z = 0.5 * y + size[:, None] + rng.normal(0, 1, (n, len(YEARS)))
    return pd.DataFrame({
        "firm": np.repeat([f"F{i:05d}" for i in range(n)], len(YEARS)), "year": np.tile(YEARS, n),
        "g": np.repeat(cohort, len(YEARS)), "y": y.ravel(), "z": z.ravel(), "size": np.repeat(size, len(YEARS)),
        "kind": np.repeat(rng.choice(["A", "B"], n), len(YEARS)),
    })  # fmt: skip


def panel(table: pd.DataFrame, outcomes: tuple[str, ...] = ("y", "z"), anticipation: int = 0) -> ek.Panel:
    return ek.Panel.from_frame(
        table, firm="firm", year="year", cohort="g", outcomes=list(outcomes), covariates=["size", "kind"],
        anticipation=anticipation,
    )  # fmt: skip


def wide(table: pd.DataFrame, column: str) -> np.ndarray:
    return table.pivot_table(index="firm", columns="year", values=column, dropna=False)[YEARS].to_numpy()


def pairs(
    table: pd.DataFrame, *, lags: int = 2, exact: bool = False, distance: str = "mean_mahalanobis",
    caliper: float = np.inf, future: str = "drop", ratio: int = 1, capacity: float = 1, anticipation: int = 0,
) -> list[tuple[int, int, int]]:  # fmt: skip
    """Match each cohort by looking at all pairs of its risk set, distances from the inverse of the covariance."""
    one = table.groupby("firm").first()
    g, size, kind = one["g"].to_numpy(), one["size"].to_numpy(), one["kind"].to_numpy()
    y, z = wide(table, "y"), wide(table, "z")
    found = []
    for award in sorted(c for c in set(g) if YEARS[0] < c <= YEARS[-1]):
        last = award - 1 - anticipation - YEARS[0]
        if last - lags + 1 < 0:
            continue
        years = range(last - lags + 1, last + 1)
        pool = (g == award) | (g == 0) | ((g > award + anticipation) & (future != "drop"))
        pool &= np.isfinite(y[:, years]).all(axis=1) & np.isfinite(z[:, years]).all(axis=1)
        rows = np.flatnonzero(pool)
        steady = [size] if exact else [size, (kind == "B") * 1.0]
        each = [np.column_stack([y[:, t], z[:, t], *steady])[rows] for t in years]
        if distance == "mahalanobis":
            each = [np.column_stack([*(y[:, t] for t in years), *(z[:, t] for t in years), *steady])[rows]]
        treated = g[rows] == award
        apart = np.mean([_mahalanobis(x, treated) for x in each], axis=0)
        apart[apart > caliper] = np.inf
        if exact:
            apart[kind[rows][:, None] != kind[rows][None]] = np.inf
        made = firms.greedy(
            apart, treated, np.zeros(len(rows)), np.arange(len(rows)), order="closest", ratio=ratio, capacity=capacity
        )
        found += [(int(rows[t]), int(rows[c]), turn) for t, c, turn in made]
    return sorted(found, key=lambda pair: (pair[0], pair[2]))


def _mahalanobis(x: np.ndarray, treated: np.ndarray) -> np.ndarray:
    scatter = [np.cov(x[group], rowvar=False) * (group.sum() - 1) for group in (treated, ~treated)]
    inverse = np.linalg.inv((scatter[0] + scatter[1]) / (len(x) - 2))
    apart = x[:, None] - x[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", apart, inverse, apart))


def effects(
    table: pd.DataFrame, sets: pd.DataFrame, column: str = "y", anticipation: int = 0
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    """Return cells, and influence (firms x cells) with weights as given, by loops over sets and firms."""
    g, y = table.groupby("firm")["g"].first().to_numpy(), wide(table, column)
    rows, influence = [], []
    for award in sorted(set(g[sets["treated"]])):
        since = award - 1 - anticipation - YEARS[0]
        for t, year in enumerate(YEARS):
            if t == since:
                continue
            terms = []
            for firm, own in sets[g[sets["treated"]] == award].groupby("treated"):
                known = own[(own["until"] >= year) & np.isfinite(y[own["control"], t] - y[own["control"], since])]
                if len(known) and np.isfinite(y[firm, t] - y[firm, since]):
                    terms.append(
                        (firm, known["control"].to_numpy(), (known["weight"] / known["weight"].sum()).to_numpy())
                    )
            if not terms:
                continue
            change = y[:, t] - y[:, since]
            means = [np.mean([change[f] for f, *_ in terms]), np.mean([w @ change[c] for _, c, w in terms])]
            psi = np.zeros(len(g))
            for firm, controls, weight in terms:
                psi[firm] += (change[firm] - means[0]) / len(terms)
                for c, w in zip(controls, weight, strict=True):
                    psi[c] -= w * (change[c] - means[1]) / len(terms)
            n_control = len({c for _, controls, _ in terms for c in controls})
            rows.append((award, year, means[0] - means[1], len(terms), n_control))
            influence.append(psi)
    return pd.DataFrame(rows, columns=["cohort", "year", "estimate", "n_treated", "n_control"]), np.array(influence).T
