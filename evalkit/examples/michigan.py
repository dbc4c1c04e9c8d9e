"""The Michigan job-training grants of Holzer, Block, Cheatham and Knott (1993) as award and firm-year files."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.model import store

if TYPE_CHECKING:
    import pandas as pd

PROGRAMME = "Michigan Job Opportunity Bank-Upgrade"
COLUMNS = {
    "training_hours": "hrsemp", "scrap_rate": "scrap", "employment": "employ", "sales": "sales",
    "average_salary": "avgsal",
}  # fmt: skip


def write_michigan(folder: Path) -> list[Path]:
    """Write `awards.csv`, `firms.csv` and `firm_years.csv`: 157 firms, 1987 to 1989, grants in 1988 and 1989.

    The panel ships inside linearmodels. It records the year of a grant, not its date, so awards carry a fiscal year.
    Values that were not reported are empty. Numbers are written with the fewest digits that give them back exactly.
    """
    from linearmodels.datasets import jobtraining

    data = jobtraining.load().sort_values(["fcode", "year"])
    data["firm_id"] = data["fcode"].astype(int).astype(str)
    data["fiscal_year"] = data["year"].astype(int)
    grants = data[data["grant"] == 1]
    awards = grants[["firm_id", "fiscal_year"]].assign(programme=PROGRAMME)
    awards.insert(0, "award_id", [f"G{i:03d}" for i in range(1, len(awards) + 1)])
    firms = data.groupby("firm_id", sort=True)["union"].first().astype(int).map({0: "no", 1: "yes"}).reset_index()
    years = data[["firm_id", "fiscal_year"]].assign(**{name: data[source] for name, source in COLUMNS.items()})
    written = [folder / "awards.csv", folder / "firms.csv", folder / "firm_years.csv"]
    for path, table in zip(written, (awards, firms, years), strict=True):
        store.write_text(path, _csv(table))
    return written


def _csv(table: "pd.DataFrame") -> str:
    rows = [list(table.columns), *([_text(v) for v in row] for row in table.itertuples(index=False))]
    return "".join(",".join(row) + "\n" for row in rows)


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    return str(value)
