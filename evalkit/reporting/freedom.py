"""Residual degrees of freedom of the regressions behind effects: a fit with hardly any tells its firms' outcomes."""

from evalkit.model.effects import Effects
from evalkit.model.sample import MatchedSample
from evalkit.reporting.disclosure.count_tables import Label, label_of
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.regressions import too_few_dof
from evalkit.reporting.effect_rows import Averages
from evalkit.stats.covariates import read_covariates

OWN_MEANS = 2
"""Columns of an effect that is estimated by itself: a constant, and being supported."""


def with_few_dof(effects: Effects, averages: Averages, sample: MatchedSample, profile: Profile) -> frozenset[Label]:
    """Return the averages of regressions with few residual degrees of freedom, counted in firms.

    An average within one group rests on the group's own firms, all others on those of the overall effect.

    Parameters
    ----------
    effects : Effects
        As estimated; `columns` and `options` say how many regressors there are.
    averages : dict of "overall", "cohort", ... to records
        Its averages, with `n_treated` and `n_control`.
    sample : MatchedSample
        Has the covariates.
    profile : Profile
        `least_dof`.
    """
    more = _n_covariate_columns(effects, sample)
    overall = {row["outcome"]: row for row in averages["overall"]}
    found = set()
    for by, rows in averages.items():
        for row in rows:
            firms = row if by == "group" else overall.get(row["outcome"], row)
            n_columns = effects.columns.get(row["outcome"], OWN_MEANS) + more
            if too_few_dof(firms["n_treated"] + firms["n_control"], n_columns, profile):
                found.add(label_of(by, row))
    return frozenset(found)


def _n_covariate_columns(effects: Effects, sample: MatchedSample) -> int:
    """Return how many columns covariates and past outcomes add."""
    options = effects.options | effects.options.get("options", {})
    named = [c.name for c in sample.panel.covariates if c.name in options.get("covariates", ())]
    covariates = read_covariates(sample.panel, named)
    columns = [1 if c.levels is None else len(c.levels) - 1 for c in covariates]
    return int(sum(columns) + options.get("n_lags", 0))
