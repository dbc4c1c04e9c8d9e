"""A count that differs a little from an earlier edition is hidden, whether a table holds it or not."""

from evalkit.reporting.disclosure.hiding import of_cells
from evalkit.reporting.disclosure.tables import Table


def test_a_count_that_no_table_holds_needs_no_cell() -> None:
    held = Table({"check.attrition.1.n_treated": 40.0})
    found = of_cells([held], {"check.attrition.1.n_treated", "check.attrition.1.n_control_missing"})
    assert found.primary == {"check.attrition.1.n_treated"}
    assert found.values == held.values
