"""All firms' outcomes and covariates at hand: for estimators whose regressors are past outcomes or whose rows part."""

import dataclasses
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.paths import map_paths
from evalkit.model.sample import MatchedSample
from evalkit.stats.covariates import Covariate, any_missing, read_covariates


@dataclasses.dataclass(frozen=True, eq=False)
class HeldFirms:
    """All n firms of a sample with their outcomes (D, n) and covariates."""

    sample: MatchedSample
    y: NDArray[np.float64]
    covariates: list[Covariate]

    @classmethod
    def read(cls, sample: MatchedSample, names: tuple[str, ...], **more: Any) -> Self:  # noqa: ANN401 - own fields
        """Read outcomes and the covariates named; `more` are the fields that a class adds."""
        y = np.concatenate(list(map_paths(sample, lambda y, _row: y.T.copy())), axis=1)
        return cls(sample, y, read_covariates(sample.panel, names), **more)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """Firms (n,) with a weight and all covariates."""
        found: NDArray[np.bool_] = (self.sample.weight > 0) & ~any_missing(self.covariates, self.sample.panel.n_firms)
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """How many firms lack a covariate, as a caveat."""
        n_lost = int(((self.sample.weight > 0) & ~self.is_known).sum())
        return (f"missing_covariate:{n_lost}",) if n_lost else ()
