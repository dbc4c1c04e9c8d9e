"""Firms with baseline covariates, and a slow twin of greedy matching; for tests only."""

import numpy as np
import pandas as pd

import evalkit as ek

COVARIATES = ("size", "growth", "debt", "industry", "region")


def frame(n: int = 240, seed: int = 1) -> pd.DataFrame:
    """One row per firm: firm, g (0 never, else 2013), two tie-free numbers, a 0/1 number and two categories."""
    rng = np.random.default_rng(seed)
    size, growth = rng.normal(3, 1, n), rng.normal(0, 0.2, n)
    debt, industry, region = rng.integers(0, 2, n), rng.integers(0, 4, n), rng.integers(0, 3, n)
    chance = 1 / (1 + np.exp(2.2 - 0.5 * (size - 3) - 2 * growth - 0.4 * debt - 0.3 * industry))
    return pd.DataFrame({
        "firm": [f"F{i:05d}" for i in range(n)], "g": np.where(rng.random(n) < chance, 2013, 0), "size": size,
        "growth": growth, "debt": debt.astype(float), "industry": [f"I{k}" for k in industry],
        "region": [f"R{k}" for k in region],
    })  # fmt: skip


def panel(firms: pd.DataFrame, covariates: tuple[str, ...] = COVARIATES, shuffle: int | None = None) -> ek.Panel:
    """Four periods (2011-2014) of one outcome, y; the long table's rows in random order when `shuffle` is a seed."""
    years = pd.DataFrame({"year": [2011, 2012, 2013, 2014]})
    long = firms.merge(years, how="cross")
    long["y"] = np.arange(len(long)) % 7 + 0.0
    if shuffle is not None:
        long = long.sample(frac=1, random_state=shuffle)
    return ek.Panel.from_frame(long, firm="firm", year="year", cohort="g", outcomes=["y"], covariates=covariates)


def greedy(
    score: np.ndarray, is_treated: np.ndarray, cell: np.ndarray, first: np.ndarray, *, ratio: int = 1,
    caliper: float = np.inf, capacity: float = 1, tie: np.ndarray | None = None,
) -> list[tuple[int, int, int]]:  # fmt: skip
    """Match by looking at every control each time; `first` lists treated firms in their order of choice."""
    controls = np.flatnonzero(~is_treated)
    tie = np.arange(len(score)) if tie is None else tie
    n_uses, pairs = dict.fromkeys(controls.tolist(), 0), []
    for turn in range(ratio):
        for t in first.tolist():
            own = {c for u, c, _ in pairs if u == t}
            free = [
                (abs(score[t] - score[c]), int(tie[c]), c)
                for c in controls.tolist()
                if cell[c] == cell[t] and n_uses[c] < capacity and c not in own
            ]
            free = [one for one in free if one[0] <= caliper]
            if free:
                chosen = min(free)[2]
                n_uses[chosen] += 1
                pairs.append((t, chosen, turn))
    return sorted(pairs, key=lambda pair: (pair[0], pair[2]))
