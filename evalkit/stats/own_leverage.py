"""CR2 and CR3 beside regressors of firms: every firm has a hat matrix of its own.

A firm's regressors, firm effects taken out, times a root R of (X'X)^-1 = R R' are its rows V, and its hat matrix is
w V V'. In these coordinates the errors that firms share have the kernel -I: with a the corrected load of residuals and
f = w V'a, scores have the variance w a'a - f'f and the covariances -f_i'f_j when errors are equal and independent.
Products are added up exactly, whatever the order of firms; no matrix of firms by firms is made. In a cluster of firms
(I - V V')^a V = V (I - V'V)^a, so that V'V is all that is needed of it.
"""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from evalkit.errors import EstimationError
from evalkit.stats.cluster import LEAST_DOF, POWER, Correction, rest_power
from evalkit.stats.limbs import MAGNITUDE_BITS, Sums, exact_sums
from evalkit.stats.own_regressors import OwnFit
from evalkit.stats.within import demeaned

AT_ONCE = 1 << 20
"""Numbers of the largest array that a piece of a block is turned into."""
MOST_SUMS = 20_000_000
"""Sums of products that degrees of freedom, or clusters, may take: 160 MB."""
_BITS = MAGNITUDE_BITS - 1

Tally = dict[int, list[Sums]]
"""Exact sums for each coefficient, by level: the power of 2 that loads are below, so that small ones keep digits."""


@dataclasses.dataclass(frozen=True, eq=False)
class Firms:
    """Some firms as a fit sees them.

    Parameters
    ----------
    group : (n,) int64
        Group of the fit, -1 for firms that do not count.
    seen : (n, T) bool
        Periods that count.
    own : list of ((n, periods) float64, slice)
        Each regressor of firms, and the periods it is of.
    rest : (n, T) float64
        Residuals, firm effects taken out; of the periods that count, and of those that the fit is carried on to.
    weight : (n,) float64
    cluster : (n,) int64 or None
        Clusters above the firm, from 0.
    """

    group: NDArray[np.int64]
    seen: NDArray[np.bool_]
    own: list[tuple[NDArray[np.float64], slice]]
    rest: NDArray[np.float64]
    weight: NDArray[np.float64]
    cluster: NDArray[np.int64] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Leverage:
    """What a fit takes out of the residuals of each firm.

    Parameters
    ----------
    shared : (C, T, Q) float64
        Regressors of groups, times their rows of R.
    root : (k, Q) float64
        Rows of R of the regressors of firms.
    pick : (p, p) float64
        What makes X (X'X)^-1 of the p coefficients of interest of the first p columns of V.
    size : (p,) float64
        Roots of the diagonal of (X'X)^-1.
    power : float
        That I - H is raised to.
    """

    shared: NDArray[np.float64]
    root: NDArray[np.float64]
    pick: NDArray[np.float64]
    size: NDArray[np.float64]
    power: float

    @classmethod
    def of(cls, fit: OwnFit, correction: Correction, n_clusters: int = 0) -> "Leverage":
        """Take what is needed from a fit, with a number of clusters above the firm.

        Raises
        ------
        EstimationError
            The correction would take too many sums (`E_TOO_LARGE`).
        """
        p, k = len(fit.coefficient), len(fit.slopes)
        root: NDArray[np.float64] = np.asarray(np.linalg.cholesky(fit.whole_bread), np.float64)
        if (n_clusters or p) * (2 * len(root) + 9) ** 2 > MOST_SUMS:
            raise EstimationError(
                f"{p:,} effects beside {len(root) - p:,} other regressors, or {n_clusters:,} clusters, are too many to "
                "correct residuals for", where="covariance", code="E_TOO_LARGE",
                hint="choose strata with fewer levels, or correction 'cr1'",
            )  # fmt: skip
        group = np.r_[0:p, p + k : len(root)]
        size = np.asarray(np.sqrt(np.diag(fit.bread)), np.float64)
        return cls(fit.shared @ root[group], root[p : p + k], root[:p, :p].T, size, POWER[correction])

    def scores(self, firms: Firms) -> tuple[NDArray[np.float64], Tally]:
        """Return the corrected influence (n, p) of firms at a weight of 1, and what degrees of freedom need of them.

        Each firm's matrices are multiplied on their own, so that other firms beside it change no bit.
        """
        found, tallies = np.zeros((len(firms.rest), len(self.size))), []
        for rows, v in self.rows(firms):
            weight = firms.weight[rows, None]
            left, axes = np.linalg.eigh(np.eye(v.shape[1]) - weight[:, None] * (v @ np.swapaxes(v, 1, 2)))
            turned = np.swapaxes(axes, 1, 2) @ (v[:, :, : len(self.size)] @ self.pick)
            turned *= rest_power(1.0 - left, self.power)[:, :, None]
            load, variance = axes @ turned, weight * (left[:, :, None] * turned**2).sum(axis=1)
            found[rows] = loaded(load, firms.rest[rows])
            score = weight[:, None] * (np.swapaxes(v, 1, 2) @ load)
            tallies.append(_tally(score / self.size, variance / self.size**2))
        return found, merged(tallies)

    def degrees(self, tally: Tally) -> NDArray[np.float64]:
        """Return the degrees of freedom (p,): those of `stats.cluster.satterthwaite` with the kernel -I."""
        each = [{level: sums[j] for level, sums in tally.items()} for j in range(len(self.size))]
        return np.array([_satterthwaite(sums) for sums in each])

    def rows(self, firms: Firms) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield V (m, T, Q) of the firms of one piece after the other."""
        n, n_periods = firms.rest.shape
        step = max(1, AT_ONCE // (self.shared.shape[2] * max(n_periods, len(self.size))))
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            seen = firms.seen[rows]
            x = np.zeros((*seen.shape, len(self.root)))
            for j, (column, at) in enumerate(firms.own):
                x[:, at, j] = column[rows]
            yield rows, demeaned(self.shared[firms.group[rows]], seen) + demeaned(x, seen) @ self.root


def loaded(load: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the influence (n, p) of loads (n, T, p) and residuals (n, T), added up in the order of periods."""
    found = np.zeros((load.shape[0], load.shape[2]))
    for t in range(load.shape[1]):
        found += rest[:, t, None] * load[:, t]
    return found


def merged(tallies: Iterable[Tally]) -> Tally:
    """Add the sums of several lots of firms."""
    found: Tally = {}
    for tally in tallies:
        for level, sums in tally.items():
            known = found.get(level)
            found[level] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return found


def _satterthwaite(each: dict[int, Sums]) -> float:
    """Return the degrees of freedom of one coefficient from sums by level."""
    total = square = 0.0
    shared = np.zeros(())
    for level in sorted(each):
        sums, unit = each[level], 2.0 ** (2 * (level - _BITS))
        of_pair, own = 2.0 ** (2 * level - _BITS) * np.array([1.0, 2.0**-_BITS]), sums.product[4:, 4:] * unit
        total += float(sums.total[:2] @ of_pair)
        square += float(of_pair @ sums.product[:2, :2] @ of_pair) + 2 * float((shared * own).sum())
        if sums.n > 1:
            square += float((own**2).sum() - of_pair @ sums.product[2:4, 2:4] @ of_pair)
        shared = shared + own
    return max(total**2 / square, LEAST_DOF) if square > 0 else LEAST_DOF


def _tally(score: NDArray[np.float64], variance: NDArray[np.float64]) -> Tally:
    """Add up f (n, Q, p) and the variances (n, p) of scores, in units of (X'X)^-1, for each coefficient.

    The columns are the variance and f'f, each with what rounding leaves of it, and f. Sums of squares of f'f are taken
    off those of products of f, with which a firm that nearly determines a regressor has large ones. A firm's level
    depends on the firm alone: 2^(2 level) is above both of its numbers for all coefficients.
    """
    largest = np.maximum(variance, (score**2).sum(axis=1)).max(axis=1)
    level = -(-np.frexp(largest)[1] // 4) * 2
    found: Tally = {}
    for at in np.unique(level[largest > 0.0]).tolist():
        rows = (level == at) & (largest > 0.0)
        f = np.rint(np.ldexp(score[rows], _BITS - at))
        pair = np.stack([np.ldexp(variance[rows], _BITS - 2 * at), np.ldexp((f**2).sum(axis=1), -_BITS)], axis=1)
        whole = np.rint(pair)
        both = np.stack([whole, np.rint(np.ldexp(pair - whole, _BITS))], axis=2).reshape(len(f), 4, -1)
        each = np.concatenate([both, f], axis=1)
        found[at] = [exact_sums(np.ascontiguousarray(each[:, :, j].T)) for j in range(each.shape[2])]
    return found
