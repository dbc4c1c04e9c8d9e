"""Award rows through `first_awards`, for tests; every step must conserve its rows."""

import pyarrow as pa

import etl_inputs as given
from evalkit.etl.awards.first_awards import first_awards
from evalkit.etl.conform import conform
from evalkit.etl.needs import fields
from evalkit.etl.source import read_source

KNOWN = pa.array(sorted(given.number(i) for i in given.FIRMS))


def run(folder, rows, known=KNOWN, awards=None, **treatment):
    """Return what `first_awards` makes of award rows."""
    data = given.study_dict()
    data["treatment"] = treatment
    data["sources"]["awards"] |= awards or {}
    study = given.study(data)
    given.write(folder, {"awards": rows})
    source = read_source("awards", study.sources.awards, folder)
    found = first_awards(conform(source, fields(source, [], study)), study, known)
    for step in found.flow.steps:
        assert step.n_in == step.kept + step.quarantined + step.collapsed
    return found.awards, found.cohorts, found.flow


def row(i, day, amount="", **more):
    return {"法人番号": given.number(i), "交付決定日": day, "交付決定額": str(amount), **more}


def firm_name(i: int) -> str:
    """Return a firm's name; firms 10 and 11 have the same."""
    return f"株式会社見本{'甲乙丙丁戊己庚辛壬癸'[min(i, 10) % 10]}{'工業' if i < 10 else '商会'}"


def firm_address(i: int) -> str:
    """Return a firm's address; firms 10 and 11 have the same."""
    return f"東京都千代田区見本町{min(i, 10) + 1}丁目2番3号"


def named_tables() -> given.Tables:
    """Return tables with names, in which awards 0 to 3 have no id, and award 5 has the name of firm 7.

    By name, award 1 means no firm, award 2 two firms, and the others one.
    """
    data = given.tables()
    for i, row in enumerate(data["firms"]):
        row |= {"firm_name": firm_name(i), "address": firm_address(i), "prefecture": "東京都"}
    for i, row in enumerate(data["awards"]):
        row |= {"firm_name": firm_name(i), "address": firm_address(i)}
    for i in (0, 1, 2, 3):
        data["awards"][i]["法人番号"] = ""
    data["awards"][1]["firm_name"] = "有限会社無関係"
    data["awards"][2] |= {"firm_name": firm_name(10), "address": firm_address(10)}
    data["awards"][5] |= {"firm_name": firm_name(7), "address": firm_address(7)}
    return data


def by_name(**link) -> dict:
    """Return a study that links awards by name."""
    return given.study_dict() | {"covariates": {}, "link": {"method": "exact", "least_rate": 0.4, **link}}
