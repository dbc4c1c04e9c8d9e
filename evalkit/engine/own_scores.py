"""Reads firms as fits beside regressors of firms see them, and tells their influence on the coefficients."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.own_columns import OwnColumns
from evalkit.engine.paths import category_codes, clusters
from evalkit.model.sample import MatchedSample
from evalkit.stats.moments import Moments
from evalkit.stats.own_leverage import Firms, Tally
from evalkit.stats.own_regressors import Own, OwnFit


@dataclasses.dataclass(frozen=True, eq=False)
class Reader:
    """Reads the firms of blocks.

    Parameters
    ----------
    sample : MatchedSample
    columns : OwnColumns
    stratum, cluster : (n_firms,) int64 or None
    fits : list of (OwnFit, dict of (cohort, stratum) to int)
        The fit of each outcome, and a group of it.
    """

    sample: MatchedSample
    columns: OwnColumns
    stratum: NDArray[np.int64] | None
    cluster: NDArray[np.int64] | None
    fits: list[tuple[OwnFit, dict[tuple[int, int], int]]]

    @classmethod
    def of(cls, sample: MatchedSample, own: Own, fits: Sequence[OwnFit]) -> "Reader":
        """Find the groups by cohort and stratum."""
        panel = sample.panel
        stratum, _ = category_codes(panel, own.strata, "strata")
        places = [{key: place for place, key in enumerate(group_keys(fit.moments))} for fit in fits]
        return cls(
            sample, OwnColumns(panel, own.names), stratum, clusters(panel)[0], list(zip(fits, places, strict=True))
        )

    def __call__(self, y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> list[Firms]:
        """Return the firms of a block as the fit of each outcome sees them.

        Sums are made in the order of columns, so that equal firms get equal bits in every block.
        """
        firms, values = slice(row, row + len(y)), self.columns.of(block)
        stratum = np.zeros(len(y), np.int64) if self.stratum is None else self.stratum[firms]
        keys = np.stack([self.sample.panel.cohort[firms].astype(np.int64), stratum], axis=1)
        cluster, found = None if self.cluster is None else self.cluster[firms], []
        for (fit, places), part in zip(self.fits, self.columns.outcomes(y), strict=True):
            n_periods, group = fit.seen.shape[1], _group(places, keys)
            table = self.columns.beside(part, values) - fit.moments.centre
            known = ~np.isnan(table[:, :n_periods]) & (group >= 0)[:, None]
            seen = known & fit.seen[group]
            beyond = known & fit.beyond[group] & (seen.sum(axis=1) > 0)[:, None]
            table = np.where(np.isnan(table), 0.0, table)
            own = self._regressors(fit, table)
            rest = table[:, :n_periods] - fit.fitted[group]
            for slope, (column, at) in zip(fit.slopes, own, strict=True):
                rest[:, at] -= slope * column
            rest = _within(rest, seen, beyond)
            seen &= (seen.sum(axis=1) >= 2)[:, None]
            found.append(Firms(group, seen, own, rest, self.sample.weight[firms], cluster))
        return found

    def _regressors(self, fit: OwnFit, table: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], slice]]:
        """Return the regressors (n, periods) of firms in the order of the slopes, and the periods they are of."""
        n_periods, names = fit.seen.shape[1], self.columns.names
        found = [
            (table[:, (1 + j) * n_periods : (2 + j) * n_periods], slice(None)) for j in range(len(names.time_varying))
        ]
        still = table[:, (1 + len(names.time_varying)) * n_periods :]
        return found + [
            (still[:, j : j + 1], slice(int(t), int(t) + 1)) for j in range(len(names.baseline)) for t in fit.periods
        ]


@dataclasses.dataclass(frozen=True, eq=False)
class Plain:
    """Tells the influence of residuals as they are."""

    fit: OwnFit

    def scores(self, firms: Firms) -> tuple[NDArray[np.float64], Tally]:
        """Return the influence (n, p) of firms at a weight of 1; 0 for those that do not count."""
        fit, rest = self.fit, firms.rest
        found, inner = np.zeros((len(rest), len(fit.coefficient))), np.where(firms.seen, rest, 0.0)
        for lever, (column, at) in zip(fit.levers.T, firms.own, strict=True):
            found += _row_sums(column * inner[:, at])[:, None] * lever
        for place in np.unique(firms.group[firms.group >= 0]):
            rows = np.flatnonzero(firms.group == place)
            for t, path in enumerate(fit.path[place].T):
                found[rows] += rest[rows, t, None] * path
        return found, {}


def group_keys(moments: Moments) -> list[tuple[int, int]]:
    """Return cohort and stratum of each group."""
    stratum = np.zeros(moments.n_groups, np.int64) if moments.stratum is None else moments.stratum
    return list(zip(moments.cohort.tolist(), stratum.tolist(), strict=True))


def _group(places: dict[tuple[int, int], int], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group (n,) of each cohort and stratum (n, 2), -1 where it is not in the fit."""
    distinct, code = np.unique(keys, axis=0, return_inverse=True)
    found = [places.get((int(g), int(s)), -1) for g, s in distinct]
    return np.array(found, dtype=np.int64)[code.reshape(-1)]


def _within(
    rest: NDArray[np.float64], seen: NDArray[np.bool_], beyond: NDArray[np.bool_]
) -> NDArray[np.float64]:  # fmt: skip
    """Take out the mean of each firm's periods (n, T) that count, in those beyond them too; 0 elsewhere."""
    mean = _row_sums(np.where(seen, rest, 0.0)) / np.maximum(seen.sum(axis=1), 1)
    return np.where(seen | beyond, rest - mean[:, None], 0.0)


def _row_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
