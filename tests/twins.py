"""Slow twins of the estimators, written from the papers with dense matrices and loops over firms; for tests only."""

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa

import evalkit as ek


def frame(
    n: int = 120, periods: int = 6, *, noise: float = 0.3, effect: float = 0.5, growth: float = 0.0,
    missing: float = 0.0, seed: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Long table: firm, year, g (0 never), y; three cohorts; effect + growth * event time from the award on."""
    rng = np.random.default_rng(seed)
    first = 2011
    cohort = rng.choice([0, first + 2, first + 3, first + 4], n, p=[0.4, 0.2, 0.2, 0.2])
    years = np.arange(first, first + periods)
    event = years[None, :] - cohort[:, None]
    hit = (cohort[:, None] > 0) & (event >= 0)
    shock = rng.normal(0, 1, (n, periods)).cumsum(axis=1) * 0.5 + rng.normal(0, 1, (n, periods))
    y = rng.normal(0, 2, (n, 1)) + np.sin(years)[None, :] + noise * shock + hit * (effect + growth * event)
    table = pd.DataFrame({
        "firm": np.repeat([f"F{i:05d}" for i in range(n)], periods), "year": np.tile(years, n),
        "g": np.repeat(cohort, periods), "y": y.ravel(),
    })  # fmt: skip
    return table[rng.random(len(table)) >= missing].reset_index(drop=True)


def panel(table: pd.DataFrame, outcomes: tuple[str, ...] = ("y",), **roles: object) -> ek.Panel:
    return ek.Panel.from_frame(table, firm="firm", year="year", cohort="g", outcomes=list(outcomes), **roles)


def corrected(of: ek.Panel, correction: str) -> ek.Panel:
    """The panel with a correction of inference by name."""
    return dataclasses.replace(of, inference=of.inference.model_copy(update={"correction": correction}))


def triple_frame(**settings: object) -> pd.DataFrame:
    """Long table with `eligible`: firms as in `frame`, and as many of the same cohorts that no award can reach."""
    seed = settings.pop("seed", 1)
    eligible = frame(**settings, seed=seed).assign(eligible="yes")
    other = frame(**settings | {"effect": 0.0, "growth": 0.0}, seed=seed + 100).assign(eligible="no")
    return pd.concat([eligible, other.assign(firm="F5" + other["firm"].str[2:])], ignore_index=True)


def dosed_frame(**settings: object) -> pd.DataFrame:
    """Long table with `dose`: twice as many firms as in `frame` unless told, the same effect whatever the dose."""
    table = frame(**{"n": 240} | settings)
    return table.assign(dose=100.0 + table["firm"].str[1:].astype(int) * 37 % 500)


def industries(table: pd.DataFrame) -> pd.DataFrame:
    """Add an `industry` of two, by whether the number of a firm is even."""
    code = table["firm"].str.extract(r"(\d+)$")[0].astype(int)
    return table.assign(industry=np.where(code % 2 == 0, "made", "sold"))


def sample(of: ek.Panel, weight: np.ndarray | None = None) -> ek.MatchedSample:
    """All firms, with weight 1 or the given weights."""
    n = of.n_firms
    empty = pa.table(
        {name: pa.array([], pa.int64()) for name in ("treated", "control", "distance", "subclass", "order")}
    )
    return ek.MatchedSample(
        of, np.ones(n) if weight is None else weight, np.full(n, -1, np.int32), np.full(n, np.nan),
        np.full(n, "", dtype=object), empty, "none", {},
    )  # fmt: skip


def group_time(
    table: pd.DataFrame, comparison: str = "never_treated", base: str = "varying", anticipation: int = 0,
    weight: dict[str, float] | None = None, column: str = "y",
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:  # fmt: skip
    """Return cells, estimates and the firms x cells matrix of influence values."""
    wide = table.pivot_table(index="firm", columns="year", values=column)
    g = table.groupby("firm")["g"].first().reindex(wide.index)
    w = pd.Series(1.0 if weight is None else weight, index=wide.index, dtype=float)
    cells, estimates, influence = [], [], []
    for cohort in sorted(c for c in g.unique() if c > 0):
        before = cohort - 1 - anticipation
        for year in wide.columns:
            start = before if base == "universal" or year > before else year - 1
            if year == start or start < wide.columns[0] or before < wide.columns[0]:
                continue
            change = wide[year] - wide[start]
            until = max(year, start) + anticipation
            control = (g == 0) | ((g > until) & (g != cohort) if comparison == "not_yet_treated" else False)
            psi, att = pd.Series(0.0, index=wide.index), 0.0
            for side, sign in (((g == cohort), 1.0), (control, -1.0)):
                use = side & change.notna() & (w > 0)
                mean = (w * change)[use].sum() / w[use].sum()
                psi[use] += sign * w[use] * (change[use] - mean) / w[use].sum()
                att += sign * mean
            cells.append((cohort, year))
            estimates.append(att)
            influence.append(psi.to_numpy())
    return pd.DataFrame(cells, columns=["cohort", "year"]), np.array(estimates), np.array(influence).T


def event_study(
    table: pd.DataFrame, *, leads: int | None = None, lags: int | None = None, weight: dict[str, float] | None = None,
    column: str = "y",
) -> tuple[list[int], np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Return event times, coefficients, clustered and homoskedastic covariance; all dummies are columns."""
    data = table.dropna(subset=[column])
    data = data[data.groupby("firm")["firm"].transform("size") >= 2]
    w = data["firm"].map(weight).to_numpy(float) if weight else np.ones(len(data))
    data, w = data[w > 0], w[w > 0]
    event = (data["year"] - data["g"]).where(data["g"] > 0)
    low = event.min() if leads is None else min(-leads, -1)
    event = event.clip(low, event.max() if lags is None else lags)
    times = [int(e) for e in sorted(event.dropna().unique()) if e != -1]
    d = np.column_stack([(event == e).to_numpy(float) for e in times])
    years = pd.get_dummies(data["year"], dtype=float).to_numpy()[:, 1:]
    firms = pd.get_dummies(data["firm"], dtype=float).to_numpy()
    x, y = np.hstack([d, years, firms]), data[column].to_numpy()
    bread = np.linalg.inv(x.T @ (x * w[:, None]))
    b = bread @ x.T @ (w * y)
    score = x * (w * (y - x @ b))[:, None]
    sums = firms.T @ score
    k, n_firms, n = len(times), firms.shape[1], len(y)
    factor = n_firms / (n_firms - 1) * (n - 1) / (n - k - years.shape[1] - 1)
    clustered = bread @ sums.T @ sums @ bread * factor
    plain = bread * ((y - x @ b) ** 2).sum() / (n - x.shape[1])
    return times, b[:k], clustered[:k, :k], plain[:k, :k]


def regression(
    table: pd.DataFrame, regressors: dict[object, np.ndarray], weight: dict[str, float] | None = None,
    cluster: str = "firm",
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Least squares with every firm and year as a dummy; coefficients and covariance clustered by firm or above.

    The small-sample factor is G/(G-1) * (N-1)/(N-K) with K the regressors and years. `regressors` are columns of the
    rows of `table`.
    """
    x = np.column_stack(list(regressors.values())).astype(float)
    years = pd.get_dummies(table["year"], dtype=float).to_numpy()
    firms = pd.get_dummies(table["firm"], dtype=float).to_numpy()
    groups = pd.get_dummies(table[cluster], dtype=float).to_numpy()
    w = table["firm"].map(weight).to_numpy(float) if weight else np.ones(len(table))
    full, y = np.hstack([x, years[:, 1:], firms]), table["y"].to_numpy()
    bread = np.linalg.inv(full.T @ (full * w[:, None]))
    b = bread @ full.T @ (w * y)
    sums = groups.T @ (full * (w * (y - full @ b))[:, None])
    k, g, n = x.shape[1], groups.shape[1], len(y)
    factor = g / (g - 1) * (n - 1) / (n - k - years.shape[1])
    return b[:k], (bread @ sums.T @ sums @ bread * factor)[:k, :k]


def corrected_regression(
    table: pd.DataFrame, regressors: dict[object, np.ndarray], correction: str, weight: dict[str, float] | None = None,
    cluster: str = "firm",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """As `regression`, residuals of each cluster times I - H to the power -1/2 (CR2) or -1 (CR3); H has all dummies.

    Returns coefficients, the influence of each cluster (by name), whose squares add up to the covariance, and
    Satterthwaite's degrees of freedom from the matrix of clusters by clusters. The power leaves out what the fit takes
    whole, the firms' own dummies at least.
    """
    x = np.column_stack(list(regressors.values())).astype(float)
    k = x.shape[1]
    years = pd.get_dummies(table["year"], dtype=float).to_numpy()[:, 1:]
    firms = pd.get_dummies(table["firm"], dtype=float).to_numpy()
    root = np.sqrt(table["firm"].map(weight).to_numpy(float)) if weight else np.ones(len(table))
    full, y = np.hstack([x, years, firms]) * root[:, None], table["y"].to_numpy() * root
    q, r = np.linalg.qr(full)
    inverse = np.linalg.inv(r)
    b, hat, lever = inverse @ q.T @ y, q @ q.T, (q @ inverse.T)[:, :k]
    scores, loads = [], []
    for own in pd.get_dummies(table[cluster], dtype=float).to_numpy().T:
        rows = np.flatnonzero(own)
        size, axes = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        power = np.where(size > 1e-9, np.maximum(size, 1e-9) ** {"cr2": -0.5, "cr3": -1.0}[correction], 0.0)
        load = (axes * power) @ axes.T @ lever[rows]
        scores.append(load.T @ (y - full @ b)[rows])
        loads.append((np.eye(len(y)) - hat)[:, rows] @ load)
    turned = np.moveaxis(np.array(loads), 2, 0)
    p = turned @ np.swapaxes(turned, 1, 2)
    return b[:k], np.array(scores), np.trace(p, axis1=1, axis2=2) ** 2 / (p**2).sum(axis=(1, 2))


def imputation(
    table: pd.DataFrame, regressors: dict[object, np.ndarray] | None = None
) -> tuple[list[tuple[int, int]], np.ndarray, np.ndarray]:  # fmt: skip
    """Impute by least squares on untreated rows; influence from the weights of each row, as in the paper's theorem.

    `regressors` are columns of the rows of `table` beside the dummies of firms and years.
    """
    treated = ((table["g"] > 0) & (table["year"] >= table["g"])).to_numpy()
    dummies = [pd.get_dummies(table[c], dtype=float).to_numpy() for c in ("firm", "year")]
    codes = np.hstack([*dummies, *(np.asarray(x, float)[:, None] for x in (regressors or {}).values())])
    z0, z1 = codes[~treated], codes[treated]
    y = table["y"].to_numpy()
    fitted = codes @ np.linalg.lstsq(z0, y[~treated], rcond=None)[0]
    tau = y - fitted
    firm = pd.factorize(table["firm"], sort=True)[0]
    usable = np.isin(table["firm"], table["firm"][~treated].unique())
    cells, effects, influence = [], [], []
    means = {
        key: tau[treated & usable & (table["g"] == key[0]).to_numpy() & (table["year"] == key[1]).to_numpy()].mean()
        for key in sorted(set(zip(table["g"][treated & usable], table["year"][treated & usable], strict=True)))
    }
    centred = tau - np.array([
        means.get((g, t), 0.0) if hit else 0.0 for g, t, hit in zip(table["g"], table["year"], treated, strict=True)
    ])  # fmt: skip
    for (g, t), mean in means.items():
        own = treated & usable & (table["g"] == g).to_numpy() & (table["year"] == t).to_numpy()
        weight = np.where(own, 1 / own.sum(), 0.0)
        weight[~treated] = -z0 @ np.linalg.pinv(z0.T @ z0) @ z1.T @ weight[treated]
        cells.append((int(g), int(t)))
        effects.append(mean)
        influence.append(np.bincount(firm, weight * centred))
    return cells, np.array(effects), np.array(influence).T


def award(method: str, long: pd.DataFrame) -> dict[object, np.ndarray]:
    """Return what the method asks of the award."""
    event = (long["year"] - long["g"]).where(long["g"] > 0)
    if method == "twfe":
        return {"treated": (event >= 0).to_numpy(float)}
    if method == "event_study":
        return {e: (event == e).to_numpy(float) for e in sorted(event.dropna().unique()) if e != -1}
    keep = (event >= 0) if method == "extended_twfe" else event.notna() & (event != -1)
    pairs = sorted({(g, t) for g, t, k in zip(long["g"], long["year"], keep, strict=True) if k})
    return {c: ((long["g"] == c[0]) & (long["year"] == c[1])).to_numpy(float) for c in pairs}


def held(long: pd.DataFrame, own: dict) -> dict[object, np.ndarray]:
    """Return the covariates as columns."""
    found = {name: long[name].to_numpy() for name in own.get("time_varying", ())}
    for name in own.get("baseline", ()):
        for t in sorted(long["year"].unique())[1:]:
            found[name, t] = long[name].to_numpy() * (long["year"] == t).to_numpy()
    return found
