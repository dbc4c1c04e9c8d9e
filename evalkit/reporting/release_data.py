"""Disclosure control of where the data came from: files, rows set aside by rule, link rates by programme and year."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from evalkit.model.evaluation import Evaluation, Number, Row
from evalkit.model.flow import FlowStep
from evalkit.reporting.disclosure import Ledger, row_of, second_cells
from evalkit.reporting.flow_disclosure import hidden_flow

RULE = re.compile(r"(E_[A-Z_]+): (\d+)")
"""How a step of the flow tells how many rows broke a rule."""


def release_data(ledger: Ledger, evaluation: Evaluation) -> dict[str, list[Row]]:
    """Release the SHA-256 of the files, the rows set aside by step and rule, and the share of awards linked.

    Rules of one step add up to what the flow says it set aside, and programme-years to what it set aside in all: where
    one of them is small a second one is hidden, and all of them where the flow hides the sum.
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
    concealed = ["quarantined" in cells for cells in hidden_flow(steps, ledger.threshold)]
    for i, (step, is_concealed) in enumerate(zip(steps, concealed, strict=True)):
        found = [(rule, int(count)) for rule, count in RULE.findall(step.reason)]
        rest = step.quarantined - sum(n for _, n in found)
        counts = [n for _, n in found] + ([rest] if rest > 0 else [])
        hidden = second_cells(counts, [is_concealed or ledger.small(n) for n in counts], ledger.threshold)
        for (rule, count), hide in zip(found, hidden, strict=False):
            number = Number(f"data.rules.{i:02d}.{rule}", count, "count")
            yield row_of({"step": step.step, "unit": step.unit, "rule": rule}, {"rows": ledger.put(number, hide=hide)})


def _links(ledger: Ledger, links: tuple[dict[str, Any], ...]) -> Iterator[Row]:
    for place, (programme, group) in enumerate(itertools.groupby(links, key=lambda row: row["programme"])):
        own = list(group)
        hidden = _hidden_links(ledger, own)
        for row, hide in zip(own, hidden, strict=True):
            prefix = f"data.links.{place:02d}.{row['fiscal_year']}"
            share = row["n_linked"] / row["n_rows"] if row["n_rows"] else None
            ids = {
                "rows": ledger.put(Number(f"{prefix}.rows", row["n_rows"], "count"), hide=hide),
                "linked": ledger.put(Number(f"{prefix}.linked", share, "share"), hide=hide),
            }
            yield row_of({"programme": programme, "year": row["fiscal_year"]}, ids)


def _hidden_links(ledger: Ledger, rows: list[dict[str, Any]]) -> list[bool]:
    """Hide years with few awards, or few that are or are not linked, and others that would tell them."""
    parts = [(row["n_rows"], row["n_linked"], row["n_rows"] - row["n_linked"]) for row in rows]
    hidden = [ledger.small(*part) for part in parts]
    for _ in parts:
        before = hidden
        for column in zip(*parts, strict=True):
            hidden = second_cells(column, hidden, ledger.threshold)
        if hidden == before:
            break
    return hidden
