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
    result = first_awards(conform(source, fields(source, [], study)), study, known)
    for step in result[2].steps:
        assert step.n_in == step.kept + step.quarantined + step.collapsed
    return result


def row(i, day, amount="", **more):
    return {"法人番号": given.number(i), "交付決定日": day, "交付決定額": str(amount), **more}
