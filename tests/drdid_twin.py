"""Slow twin of group-time effects with covariates: dense influence functions of each cell, as the papers write them.

Sant'Anna and Zhao (2020), section 3.1 and theorem A.1; means over the firms of a cell, nothing shared between cells.
"""

import numpy as np
import pandas as pd

import twins


def frame(n: int = 300, *, missing: float = 0.0, seed: int = 2, noise: float = 0.3, **changes: float) -> pd.DataFrame:
    """Firms of `twins.frame` with two numbers and a category that both selection and trends depend on."""
    rng = np.random.default_rng(seed)
    table = twins.frame(n, noise=noise, seed=seed, **changes)
    firms = table.drop_duplicates("firm")[["firm", "g"]]
    treated = (firms["g"] > 0).to_numpy()
    firms = firms.assign(
        size=rng.normal(0, 1, n) + 0.4 * treated, growth=rng.normal(3, 0.1, n), industry=rng.choice(list("ABC"), n)
    ).drop(columns="g")
    table = table.merge(firms, on="firm")
    table["y"] += 0.1 * (table["size"] + (table["industry"] == "B")) * (table["year"] - 2011)
    return table[rng.random(len(table)) >= missing].reset_index(drop=True)


COVARIATES = ("size", "growth", "industry")


def logit(x: np.ndarray, d: np.ndarray, w: np.ndarray) -> np.ndarray:
    beta = np.zeros(x.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-x @ beta))
        beta = beta + np.linalg.solve(x.T @ (x * (w * p * (1 - p))[:, None]), x.T @ (w * (d - p)))
    return beta


def two_by_two(
    change: np.ndarray, d: np.ndarray, x: np.ndarray, w: np.ndarray, adjustment: str, trim: float = 0.995
) -> tuple[float, np.ndarray]:
    """Return the effect on the treated and the firms' influence on it, on the scale of a mean.

    Firms with a dummy that no treated firm has get a propensity score of 0, the limit of the logit's.
    """
    n, control = len(d), 1 - d
    fitted, along_outcome = np.zeros(n), np.zeros_like(x)
    if adjustment != "ipw":
        inverse = np.linalg.inv(x.T @ (x * (w * control)[:, None]) / n)
        fitted = x @ (inverse @ (x.T @ (w * control * change) / n))
        along_outcome = (w * control * (change - fitted))[:, None] * x @ inverse
    if adjustment == "regression":
        part = w * d / (w * d).mean()
        effect = (part * (change - fitted)).mean()
        return effect, part * (change - fitted - effect) - along_outcome @ (part[:, None] * x).mean(axis=0)
    has = (x[(d > 0) & (w > 0)] != 0).any(axis=0)
    is_open = (x[:, ~has] == 0).all(axis=1)
    z = x * has
    p = np.zeros(n)
    p[is_open] = 1 / (1 + np.exp(-z[is_open][:, has] @ logit(z[is_open][:, has], d[is_open], w[is_open])))
    hessian = np.zeros((x.shape[1], x.shape[1]))
    hessian[np.ix_(has, has)] = np.linalg.inv((z.T @ (z * (w * p * (1 - p))[:, None]) / n)[np.ix_(has, has)])
    along_score = (w * (d - p))[:, None] * z @ hessian
    treated, drawn = w * d, np.where(p < trim, w * control * p / (1 - p), 0.0)
    left = change - fitted
    mean_treated, mean_drawn = ((s * left).mean() / s.mean() for s in (treated, drawn))
    first = treated * (left - mean_treated) - along_outcome @ (treated[:, None] * x).mean(axis=0)
    second = (
        drawn * (left - mean_drawn)
        + along_score @ ((drawn * (left - mean_drawn))[:, None] * x).mean(axis=0)
        - along_outcome @ (drawn[:, None] * x).mean(axis=0)
    )
    return mean_treated - mean_drawn, first / treated.mean() - second / drawn.mean()


def group_time(
    table: pd.DataFrame, adjustment: str, comparison: str = "never_treated", base: str = "varying",
    anticipation: int = 0, *, weight: dict[str, float] | None = None, trim: float = 0.995,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:  # fmt: skip
    """Return cells, estimates and the firms x cells matrix of influence values, summing to 0 over firms."""
    wide = table.pivot_table(index="firm", columns="year", values="y")
    firms = table.drop_duplicates("firm").set_index("firm").loc[wide.index]
    w = pd.Series(1.0 if weight is None else weight, index=wide.index, dtype=float)
    x = pd.get_dummies(firms[list(COVARIATES)], drop_first=True).astype(float)
    x.insert(0, "constant", 1.0)
    cells, estimates, influence = [], [], []
    for cohort in sorted(c for c in firms["g"].unique() if c > 0):
        before = cohort - 1 - anticipation
        for year in wide.columns:
            start = before if base == "universal" or year > before else year - 1
            if year == start or start < wide.columns[0] or before < wide.columns[0]:
                continue
            later = (firms["g"] > max(year, start) + anticipation) & (firms["g"] != cohort)
            control = (firms["g"] == 0) | (later if comparison == "not_yet_treated" else False)
            change = wide[year] - wide[start]
            use = ((firms["g"] == cohort) | control) & change.notna() & (w > 0)
            effect, psi = two_by_two(
                change[use].to_numpy(), (firms["g"] == cohort)[use].to_numpy(float), x[use].to_numpy(),
                w[use].to_numpy(), adjustment, trim,
            )  # fmt: skip
            whole = pd.Series(0.0, index=wide.index)
            whole[use] = psi / use.sum()
            cells.append((cohort, year))
            estimates.append(effect)
            influence.append(whole.to_numpy())
    return pd.DataFrame(cells, columns=["cohort", "year"]), np.array(estimates), np.array(influence).T
