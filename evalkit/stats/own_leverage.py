"""CR2 and CR3 beside regressors of firms: every firm has a hat matrix of its own.

A firm's regressors, firm effects taken out, times a root R of (X'X)^-1 = R R' are its rows V, and its hat matrix is
w V V'. In these coordinates the errors that firms share have the kernel -I: with a the corrected load of residuals and
f = w V'a, scores have the variance w a'a - f'f and the covariances -f_i'f_j when errors are equal and independent.
Products are added up exactly, whatever the order of firms; no matrix of firms by firms is made.
"""

import dataclasses
from collections.abc import Iterable

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
"""Sums of products that degrees of freedom may take: 160 MB."""
_BITS = MAGNITUDE_BITS - 1

Tally = dict[int, list[Sums]]
"""Exact sums for each coefficient, of firms with loads below 2 to some power: small ones are rounded more finely."""


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
        Residuals, firm effects taken out.
    """

    group: NDArray[np.int64]
    seen: NDArray[np.bool_]
    own: list[tuple[NDArray[np.float64], slice]]
    rest: NDArray[np.float64]


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
    def of(cls, fit: OwnFit, correction: Correction) -> "Leverage":
        """Take what is needed from a fit.

        Raises
        ------
        EstimationError
            Degrees of freedom would take too many sums (`E_TOO_LARGE`).
        """
        p, k = len(fit.coefficient), len(fit.slopes)
        root: NDArray[np.float64] = np.asarray(np.linalg.cholesky(fit.whole_bread), np.float64)
        if p * (2 * len(root) + 9) ** 2 > MOST_SUMS:
            raise EstimationError(
                f"{p:,} effects beside {len(root) - p:,} other regressors are too many to correct residuals for",
                where="covariance", code="E_TOO_LARGE", hint="choose strata with fewer levels, or correction 'cr1'",
            )  # fmt: skip
        group = np.r_[0:p, p + k : len(root)]
        size = np.asarray(np.sqrt(np.diag(fit.bread)), np.float64)
        return cls(fit.shared @ root[group], root[p : p + k], root[:p, :p].T, size, POWER[correction])

    def scores(self, firms: Firms, weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], Tally]:
        """Return the corrected influence (n, p) of firms at a weight of 1, and what degrees of freedom need of them."""
        (n, n_periods), (n_columns, p) = firms.seen.shape, (self.shared.shape[2], len(self.size))
        found, tallies = np.zeros((n, p)), []
        step = max(1, AT_ONCE // (n_columns * max(n_periods, p)))
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            v, load, variance = self._load(firms, rows, weight[rows])
            for t in range(n_periods):
                found[rows] += firms.rest[rows, t, None] * load[:, t]
            score = weight[rows, None, None] * (np.swapaxes(v, 1, 2) @ load) / self.size
            tallies.append(_tally(score, variance / self.size**2))
        return found, merged(tallies)

    def _load(
        self, firms: Firms, rows: slice, weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return V (n, T, Q), the corrected loads (n, T, p) and the variances of scores (n, p).

        Each firm's matrices are multiplied on their own, so that other firms beside it change no bit.
        """
        seen, p = firms.seen[rows], len(self.size)
        x = np.zeros((*seen.shape, len(self.root)))
        for j, (column, at) in enumerate(firms.own):
            x[:, at, j] = column[rows]
        v = demeaned(self.shared[firms.group[rows]], seen) + demeaned(x, seen) @ self.root
        hat = weight[:, None, None] * (v @ np.swapaxes(v, 1, 2))
        left, axes = np.linalg.eigh(np.eye(seen.shape[1]) - hat)
        turned = np.swapaxes(axes, 1, 2) @ (v[:, :, :p] @ self.pick)
        turned *= rest_power(1.0 - left, self.power)[:, :, None]
        return v, axes @ turned, weight[:, None] * (left[:, :, None] * turned**2).sum(axis=1)


def merged(tallies: Iterable[Tally]) -> Tally:
    """Add the sums of several lots of firms."""
    found: Tally = {}
    for tally in tallies:
        for level, sums in tally.items():
            known = found.get(level)
            found[level] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return found


def degrees(tally: Tally, p: int) -> NDArray[np.float64]:
    """Return the degrees of freedom (p,) of Satterthwaite: see `stats.cluster.satterthwaite`, with the kernel -I."""
    found = np.full(p, LEAST_DOF)
    for j in range(p):
        total = square = 0.0
        shared = np.zeros(())
        for level in sorted(tally):
            sums, unit = tally[level][j], 2.0 ** (2 * (level - _BITS))
            of_pair, own = 2.0 ** (2 * level - _BITS) * np.array([1.0, 2.0**-_BITS]), sums.product[4:, 4:] * unit
            total += float(sums.total[:2] @ of_pair)
            square += float(of_pair @ sums.product[:2, :2] @ of_pair) + 2 * float((shared * own).sum())
            if sums.n > 1:
                square += float((own**2).sum() - of_pair @ sums.product[2:4, 2:4] @ of_pair)
            shared = shared + own
        found[j] = total**2 / square if square > 0 else LEAST_DOF
    return np.maximum(found, LEAST_DOF)


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
