"""Values on their way into the panel: what is made of them, in one order, and only what the study declares."""

from typing import TYPE_CHECKING

from evalkit.etl.conform import Typed
from evalkit.etl.panel.deflation import deflated
from evalkit.etl.panel.firm_years import Grid
from evalkit.etl.panel.fiscal_periods import of_twelve_months
from evalkit.etl.panel.reconciliation import reconciled
from evalkit.etl.panel.unit_jumps import unit_jumps
from evalkit.etl.panel.value_rules import kept_rules
from evalkit.model.flow import Flow
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa


def prepared(study: Study, grid: Grid, prices: Typed | None, records: "pa.Table | None") -> tuple[Grid, Flow]:
    """Reconcile columns, treat slips of units and short years, check rules, and take prices out, in this order.

    Slips of units come before short years, which would hide them; rules compare values of the same kind and time;
    prices come last because rules are about what firms reported. Winsorising follows once the firms are known.
    """
    grid, flow = reconciled(grid, study.reconcile)
    if study.units:
        grid, step = unit_jumps(grid, study.units)
        flow = flow.extend(step)
    if study.fiscal_periods:
        grid, step = of_twelve_months(grid, study.fiscal_periods)
        flow = flow.extend(step)
    grid, step = kept_rules(grid, study.rule)
    flow = flow.extend(step)
    if study.deflate and prices:
        grid, step = deflated(grid, study.deflate, prices, records)
        flow = flow.extend(step)
    return grid, flow
