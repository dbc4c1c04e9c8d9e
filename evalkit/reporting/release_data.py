"""Disclosure control of where the data came from: files, rows set aside by rule, link rates by programme and year."""

from collections.abc import Iterator
from typing import Any

from evalkit.model.evaluation import Evaluation, Number, Row
from evalkit.model.flow import FlowStep
from evalkit.reporting.disclosure.data_tables import by_programme, link_cells, rule_cell, rules_of
from evalkit.reporting.disclosure.ledger import Ledger, row_of


def release_data(ledger: Ledger, evaluation: Evaluation) -> dict[str, list[Row]]:
    """Release the SHA-256 of the files, the rows set aside by step and rule, and the share of awards linked.

    Rules of one step add up to what the flow says it set aside: they are tables of the report like others.
    """
    files, links = (evaluation.inputs.files, evaluation.inputs.links) if evaluation.inputs else ({}, ())
    return {
        "data/files": [
            row_of({"file": path}, {"sha256": ledger.put(Number(f"data.files.{i:03d}.sha256", sha256, "text"))})
            for i, (path, sha256) in enumerate(sorted(files.items()))
        ],
        "data/rules": list(_rules(ledger, evaluation.flow.steps)),
        "data/links": list(_links(ledger, links)),
    }


def _rules(ledger: Ledger, steps: tuple[FlowStep, ...]) -> Iterator[Row]:
    for i, step in enumerate(steps):
        for rule, count in rules_of(step):
            number = Number(f"data.rules.{i:02d}.{rule}", count, "count")
            ids = {"rows": ledger.put(number, cell=rule_cell(i, rule))}
            yield row_of({"step": step.step, "unit": step.unit, "rule": rule}, ids)


def _links(ledger: Ledger, links: tuple[dict[str, Any], ...]) -> Iterator[Row]:
    for place, (programme, years) in enumerate(by_programme(links)):
        for row in years:
            prefix, cells = f"data.links.{place:02d}.{row['fiscal_year']}", link_cells(place, row["fiscal_year"])
            hide = not ledger.hiding.counts.isdisjoint(cells.values())
            share = row["n_linked"] / row["n_rows"] if row["n_rows"] else None
            count, rate = Number(f"{prefix}.rows", row["n_rows"], "count"), Number(f"{prefix}.linked", share, "share")
            ids = {
                "rows": ledger.put(count, hide=hide, cell=cells["rows"]), "linked": ledger.put(rate, hide=hide),
            }  # fmt: skip
            if not hide:
                ledger.tell([cells["linked"], cells["unlinked"]])
            yield row_of({"programme": programme, "year": row["fiscal_year"]}, ids)
