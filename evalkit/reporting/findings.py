"""What disclosure control decides on: averages of all estimates, contributions of firms, and tables of counts."""

import dataclasses
from collections.abc import Mapping

from evalkit.model.evaluation import Evaluation
from evalkit.reporting.amounts import told_names
from evalkit.reporting.category_tables import category_tables, n_empty_or_full
from evalkit.reporting.concentration import Concentration, concentration
from evalkit.reporting.disclosure.count_tables import Label, check_table, effect_table, label_of
from evalkit.reporting.disclosure.data_tables import links_table, rules_table
from evalkit.reporting.disclosure.flow_table import flow_table, overall_cell
from evalkit.reporting.disclosure.ledger import named
from evalkit.reporting.disclosure.profiles import Profile
from evalkit.reporting.disclosure.tables import Table, together
from evalkit.reporting.effect_rows import Averages, aggregations, effect_rows
from evalkit.reporting.freedom import with_few_dof
from evalkit.reporting.release_cost import years_table


@dataclasses.dataclass(frozen=True)
class Findings:
    """All that disclosure control decides on.

    Parameters
    ----------
    averages : dict of estimate to dict of "overall", "cohort", ... to records
        As in `effect_rows`.
    tables : tuple of Table
        Counts of flow, effects and checks.
    concentration : Concentration
        What one or two firms make.
    n_review : int
        Shares of categories that are 0 or 1.
    few_dof : dict of estimate to frozenset of (outcome, by, level)
        Averages of regressions with few degrees of freedom.
    names : dict of estimate to dict of group to str
        What groups are called whose own names may not be told.
    """

    averages: Mapping[str, Averages]
    tables: tuple[Table, ...]
    concentration: Concentration
    n_review: int

    few_dof: Mapping[str, frozenset[Label]]
    names: Mapping[str, Mapping[str, str]]

    def ruled(self, name: str) -> frozenset[Label]:
        """Return the averages of an estimate that a rule other than that of counts hides."""
        if self.concentration.is_weighted_on_few:
            return frozenset(label_of(by, row) for by, rows in self.averages[name].items() for row in rows)
        return self.concentration.effects | self.few_dof[name]


def findings(evaluation: Evaluation, profile: Profile) -> Findings:
    """Collect them from an evaluation."""
    sample, threshold = evaluation.sample, profile.threshold
    found = concentration(sample, profile)
    averages: dict[str, Averages] = {}
    few_dof, names = {}, {}
    tables = [flow_table(evaluation.flow.steps, threshold), _compared(sample.n_treated, sample.n_control, threshold)]
    for name, effects in named(evaluation.effects):
        averages[name] = {by: effect_rows(effects, by, evaluation.study.seed) for by in aggregations(effects)}
        few_dof[name] = with_few_dof(effects, averages[name], sample, profile)
        names[name] = told_names(effects, sample)
        tables.append(effect_table(effects, averages[name], threshold, found.effects))
    totals = together(tables).values
    for name, result in named(evaluation.checks):
        tables.append(check_table(name, result.rows, totals, threshold))
        tables += category_tables(name, result.rows, sample, threshold)
    links = evaluation.inputs.links if evaluation.inputs else ()
    tables += [rules_table(evaluation.flow.steps, threshold), links_table(links, threshold)]
    tables.append(years_table(evaluation, averages))
    n_review = sum(n_empty_or_full(result.rows, sample) for result in evaluation.checks)
    return Findings(averages, tuple(tables), found, n_review, few_dof, names)


def _compared(n_treated: int, n_control: int, threshold: int) -> Table:
    compared = {"n_treated": n_treated, "n_control": n_control}
    values = {overall_cell(column, n): float(n) for column, n in compared.items()}
    small = frozenset(name for name, n in values.items() if 0 < n < threshold)
    return Table(values, primary=small, needed=frozenset(values))
