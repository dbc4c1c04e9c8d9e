"""What regressions with firm and year effects hold beside the award, and the pass that adds it up."""

import dataclasses
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalkit.engine.paths import (
    category_codes,
    grouped,
    map_paths_beside,
    path_bounds,
    path_quantum,
    sample_moments,
)
from evalkit.errors import EstimationError, UnknownNameError, did_you_mean
from evalkit.model.panel import Panel
from evalkit.model.sample import MatchedSample
from evalkit.stats.moments import Moments, Partial, Quantum, block_moments, combine
from evalkit.stats.own_regressors import Names, Own

_KNOWN: "WeakKeyDictionary[MatchedSample, dict[tuple[tuple[str, ...], Names], tuple[Moments, Own]]]" = (
    WeakKeyDictionary()
)


@dataclasses.dataclass(frozen=True)
class Controls:
    """What a regression with firm and year effects holds beside the award.

    Parameters
    ----------
    time_varying : tuple of str
        Covariates by year (the panel's `time_varying`), each with one slope. Firm-years in which one is not observed
        are left out and counted. What the award changes in them is not part of the effect.
    baseline : tuple of str
        Baseline covariates, numbers, each with a slope of its own in every year: firms that start alike are then
        compared. For categories there is `strata`, or a subgroup.
    """

    time_varying: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()

    def moments(self, sample: MatchedSample, strata: tuple[str, ...] = ()) -> tuple[Moments, Own | None]:
        """Return the group moments of the firm-years that count, and what is known of the regressors of firms."""
        names = Names(self.time_varying, self.baseline)
        if not names:
            return sample_moments(sample, strata), None
        known = _KNOWN.setdefault(sample, {})
        if (strata, names) not in known:
            known[strata, names] = _first_pass(sample, strata, names)
        return known[strata, names]


@dataclasses.dataclass(frozen=True)
class OwnColumns:
    """Reads the regressors of the firms of a block beside their outcomes."""

    panel: Panel
    names: Names

    def __post_init__(self) -> None:
        panel = self.panel
        for name in self.names.time_varying:
            if name in {text for o in panel.outcomes for text in (o.name, o.column)}:
                raise UnknownNameError(
                    f"'{name}' is an outcome, which cannot stand beside itself", where="time_varying", code="E_ROLE",
                    hint="estimate the other outcomes in a study of their own",
                )  # fmt: skip
            if name not in panel.time_varying:
                raise UnknownNameError(
                    f"the panel has no covariate '{name}' by period", where="time_varying",
                    hint=did_you_mean(name, panel.time_varying),
                )  # fmt: skip
        for name in self.names.baseline:
            if panel.covariate(name).kind != "number":
                raise EstimationError(
                    f"'{name}' is a category", where="baseline", code="E_OPTION",
                    hint=f'give its levels period effects of their own: strata = ["{name}"]',
                )  # fmt: skip

    @cached_property
    def read(self) -> list[str]:
        """The columns of the panel."""
        periods = self.panel.periods
        return [*(f"{name}@{p}" for name in self.names.time_varying for p in periods), *self.names.baseline]

    def of(self, block: pa.RecordBatch) -> NDArray[np.float64]:
        """Return the regressors (n, columns), NaN where not known."""
        found = np.empty((block.num_rows, len(self.read)))
        for j, name in enumerate(self.read):
            found[:, j] = block.column(name).to_numpy(zero_copy_only=False)
        return found

    def known(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say in which periods (n, T) all regressors are known."""
        n_varying, n_periods = len(self.names.time_varying), len(self.panel.periods)
        varying = values[:, : n_varying * n_periods].reshape(len(values), n_varying, n_periods)
        still = values[:, n_varying * n_periods :]
        lacks_still: NDArray[np.bool_] = np.asarray(np.isnan(still).any(axis=1))
        return ~np.asarray(np.isnan(varying).any(axis=1) | lacks_still[:, None])

    def beside(self, y: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return outcomes (n, T) and regressors side by side, all NaN where one of them is."""
        n_varying, n_still = len(self.names.time_varying), len(self.names.baseline)
        has = ~np.isnan(y) & self.known(values)
        ever: NDArray[np.bool_] = np.asarray(has.any(axis=1))
        everywhere = np.concatenate([np.tile(has, (1, 1 + n_varying)), np.tile(ever[:, None], n_still)], axis=1)
        return np.where(everywhere, np.concatenate([y, values], axis=1), np.nan)

    def outcomes(self, y: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Take outcomes side by side apart."""
        return np.split(y, len(self.panel.outcomes), axis=1)


def _first_pass(sample: MatchedSample, strata: tuple[str, ...], names: Names) -> tuple[Moments, Own]:
    """Add up outcomes where all regressors are known, and products with the regressors."""
    panel, weight, cohort = sample.panel, sample.weight, sample.panel.cohort
    columns, groups = OwnColumns(panel, names), grouped(sample, *category_codes(panel, strata, "strata"))
    whole, quanta = path_quantum(sample), _quanta(sample, columns)

    def kernel(y: NDArray[np.float64], block: pa.RecordBatch, row: int) -> tuple[Partial, list[Partial], int]:
        firms, values = slice(row, row + len(y)), columns.of(block)
        known, counts = columns.known(values), weight[firms] > 0
        parts = columns.outcomes(y)
        lost = np.any([~np.isnan(own) for own in parts], axis=0) & ~known & counts[:, None]
        kept = np.where(np.tile(known, (1, len(parts))), y, np.nan)
        stratum = None if groups.stratum is None else groups.stratum[firms]
        own = [
            block_moments(np.sqrt(weight[firms]), columns.beside(part, values), cohort[firms], quantum, stratum)
            for part, quantum in zip(parts, quanta, strict=True)
        ]
        return block_moments(weight[firms], kept, cohort[firms], whole, groups.of(firms)), own, int(lost.sum())

    found, each, n_lost = zip(*map_paths_beside(sample, columns.read, kernel), strict=True)
    moments = [
        combine(parts, quantum).with_strata(groups.n_strata, has_clusters=False)
        for parts, quantum in zip(zip(*each, strict=True), quanta, strict=True)
    ]
    return groups.taken_apart(combine(found, whole)), Own(names, strata, tuple(moments), sum(n_lost))


def _quanta(sample: MatchedSample, columns: OwnColumns) -> list[Quantum]:
    """Return what the columns of each outcome's products are rounded to."""
    low, high = path_bounds(sample.panel)
    least, most = np.nan_to_num(sample.panel.bounds(columns.read))
    largest = float(np.sqrt(sample.weight.max()))
    ends = zip(columns.outcomes(low[None]), columns.outcomes(high[None]), strict=True)
    return [
        Quantum.covering(np.concatenate([a[0], least]), np.concatenate([z[0], most]), largest) for a, z in ends
    ]  # fmt: skip
