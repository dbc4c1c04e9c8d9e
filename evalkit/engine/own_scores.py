"""Reads firms as a fit beside regressors of firms sees them, and tells their influence on its coefficients."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.own_columns import OwnColumns
from evalkit.stats.cluster import Correction
from evalkit.stats.moments import Moments
from evalkit.stats.own_leverage import Firms, Leverage, Tally
from evalkit.stats.own_regressors import OwnFit


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """Tells the influence of firms on the coefficients of one outcome.

    Parameters
    ----------
    columns : OwnColumns
    fit : OwnFit
    place : dict of (cohort, stratum) to int
        A group of the fit.
    leverage : Leverage or None
        What residuals are corrected for; None leaves them as they are.
    """

    columns: OwnColumns
    fit: OwnFit
    place: dict[tuple[int, int], int]
    leverage: Leverage | None

    @classmethod
    def of(cls, columns: OwnColumns, fit: OwnFit, correction: Correction) -> "Score":
        """Find the groups by cohort and stratum."""
        place = {key: place for place, key in enumerate(group_keys(fit.moments))}
        return cls(columns, fit, place, None if correction == "cr1" else Leverage.of(fit, correction))

    def __call__(
        self, y: NDArray[np.float64], values: NDArray[np.float64], keys: NDArray[np.int64], weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], Tally]:
        """Return the influence (n, p) of firms at a weight of 1, and what degrees of freedom need when corrected.

        Firms have outcomes y (n, T), columns of regressors (n, columns), cohort and stratum (n, 2), and weights (n,).
        Those that do not count have an influence of 0.
        """
        firms = self._firms(y, values, keys)
        return (self._plain(firms), {}) if self.leverage is None else self.leverage.scores(firms, weight)

    def _firms(self, y: NDArray[np.float64], values: NDArray[np.float64], keys: NDArray[np.int64]) -> Firms:
        """Return firms as the fit sees them.

        Sums are made in the order of columns, so that equal firms get equal bits in every block.
        """
        fit, n_periods = self.fit, len(self.fit.seen)
        group = self._group(keys)
        table = self.columns.beside(y, values) - fit.moments.centre
        seen = ~np.isnan(table[:, :n_periods]) & fit.seen
        seen &= ((seen.sum(axis=1) >= 2) & (group >= 0))[:, None]
        table = np.where(np.isnan(table), 0.0, table)
        own = self._regressors(table)
        rest = table[:, :n_periods] - fit.fitted[group]
        for slope, (column, at) in zip(fit.slopes, own, strict=True):
            rest[:, at] -= slope * column
        return Firms(group, seen, own, _within(rest, seen))

    def _plain(self, firms: Firms) -> NDArray[np.float64]:
        """Return the influence (n, p) of residuals as they are."""
        fit, rest = self.fit, firms.rest
        found = np.zeros((len(rest), len(fit.coefficient)))
        for lever, (column, at) in zip(fit.levers.T, firms.own, strict=True):
            found += _row_sums(column * rest[:, at])[:, None] * lever
        for place in np.unique(firms.group[firms.group >= 0]):
            rows = np.flatnonzero(firms.group == place)
            for t, path in enumerate(fit.path[place].T):
                found[rows] += rest[rows, t, None] * path
        return found

    def _group(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the group (n,) of each cohort and stratum (n, 2), -1 where it is not in the fit."""
        distinct, code = np.unique(keys, axis=0, return_inverse=True)
        places = [self.place.get((int(g), int(s)), -1) for g, s in distinct]
        return np.array(places, dtype=np.int64)[code.reshape(-1)]

    def _regressors(self, table: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], slice]]:
        """Return the regressors (n, periods) of firms in the order of the slopes, and the periods they are of."""
        n_periods, names = len(self.fit.seen), self.columns.names
        found = [
            (table[:, (1 + j) * n_periods : (2 + j) * n_periods], slice(None)) for j in range(len(names.time_varying))
        ]
        still = table[:, (1 + len(names.time_varying)) * n_periods :]
        return found + [
            (still[:, j : j + 1], slice(int(t), int(t) + 1))
            for j in range(len(names.baseline))
            for t in self.fit.periods
        ]


def group_keys(moments: Moments) -> list[tuple[int, int]]:
    """Return cohort and stratum of each group."""
    stratum = np.zeros(moments.n_groups, np.int64) if moments.stratum is None else moments.stratum
    return list(zip(moments.cohort.tolist(), stratum.tolist(), strict=True))


def _within(rest: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Take out the mean of each firm's periods (n, T) that count, 0 elsewhere."""
    rest = np.where(seen, rest, 0.0)
    mean = _row_sums(rest) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen, rest - mean[:, None], 0.0)


def _row_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
