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
    distance: np.ndarray, is_treated: np.ndarray, score: np.ndarray, tie: np.ndarray, *, order: str = "largest",
    ratio: int = 1, capacity: float = 1,
) -> list[tuple[int, int, int]]:  # fmt: skip
    """Match on a matrix of distances between all firms (infinite: no pair), looking at every free pair each time."""
    key = {"largest": -score, "smallest": score, "random": tie, "closest": tie, "data": np.arange(len(score))}[order]
    treated = [t for t in np.lexsort((tie, key)).tolist() if is_treated[t]]
    n_uses, pairs = dict.fromkeys(np.flatnonzero(~is_treated).tolist(), 0), []
    for turn in range(ratio):
        waiting = list(treated)
        while waiting:
            free = [
                (distance[t, c], int(tie[t]), int(tie[c]), t, c)
                for t in (waiting if order == "closest" else waiting[:1])
                for c, n in n_uses.items()
                if n < capacity and np.isfinite(distance[t, c]) and not any(p[:2] == (t, c) for p in pairs)
            ]
            if free:
                *_, t, c = min(free)
                n_uses[c] += 1
                pairs.append((t, c, turn))
                waiting.remove(t)
            else:
                waiting = [] if order == "closest" else waiting[1:]
    return sorted(pairs, key=lambda pair: (pair[0], pair[2]))
