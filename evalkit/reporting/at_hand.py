"""An analyst's own records written like those of a release: same words, same form of numbers, no ids."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from evalkit.model.evaluation import Number, Row
from evalkit.model.flow import Flow
from evalkit.model.study import Outcome
from evalkit.reporting.disclosure.counts import known
from evalkit.reporting.disclosure.flow_table import counts
from evalkit.reporting.disclosure.ledger import as_written, row_of
from evalkit.reporting.effect_rows import level_unit
from evalkit.reporting.numbers import shown
from evalkit.reporting.page import Writer
from evalkit.reporting.release import reasons_of
from evalkit.reporting.release_checks import labels_of, unit_of
from evalkit.reporting.release_effects import LABELS
from evalkit.reporting.release_effects import unit_of as unit_of_effect
from evalkit.reporting.words import Words, words

Values = Mapping[str, Any]
Parts = tuple[dict[str, Any], Values]
"""Labels and numbers of one row."""


@dataclasses.dataclass(frozen=True, eq=False)
class AtHand(Writer):
    """Numbers that no release has: nothing is hidden, and no id leads to a list of them."""

    given: Mapping[str, Number]
    words: Words

    def find(self, number_id: str) -> Number | None:
        """Return one of the numbers."""
        return self.given.get(number_id)

    def number(self, number_id: str) -> Markup:
        """Write a number; one that is not there is not known."""
        found = self.find(number_id)
        return self.unknown if found is None else escape(shown(found, self.words))


def of_effects(records: Iterable[Values], outcomes: Sequence[Outcome], language: str) -> tuple[AtHand, list[Row]]:
    """Return rows of `effect_rows`, and what writes their numbers."""
    units = {o.name: level_unit(o) for o in outcomes}
    parts = [({k: r[k] for k in LABELS if k in r}, {k: v for k, v in r.items() if k not in LABELS}) for r in records]
    return _rows(parts, lambda labels, quantity, _: unit_of_effect(quantity, units[labels["outcome"]]), language)


def of_check(records: Iterable[Values], language: str, sentence: str = "") -> tuple[AtHand, list[Row]]:
    """Return rows of a check, and what writes their numbers; tables inside a record are left out."""
    parts = []
    for record in records:
        labels = labels_of(dict(record))
        numbers = {k: v for k, v in record.items() if k not in labels and not isinstance(v, dict | list | tuple)}
        parts.append((labels, {**numbers, "sentence": sentence} if sentence else numbers))
    return _rows(parts, lambda _, key, value: unit_of(key, value), language)


def of_flow(flow: Flow, language: str) -> tuple[AtHand, list[Row]]:
    """Return the steps of a flow, and what writes their numbers."""
    parts = []
    for step in flow.steps:
        reasons = reasons_of(step)
        changed = {f"changed_{k}": n for k, (_, n) in enumerate(reasons)}
        labels = {"step": step.step, "unit": step.unit, "reasons": tuple(why for why, _ in reasons)}
        parts.append((labels, {**counts(step), **changed}))
    return _rows(parts, lambda *_: "count", language)


def _rows(
    parts: Iterable[Parts], unit: Callable[[dict[str, Any], str, Any], str], language: str
) -> tuple[AtHand, list[Row]]:
    """Give each value that is known an id; those that are not have no entry."""
    numbers, rows = dict[str, Number](), []
    for i, (labels, values) in enumerate(parts):
        own = {k: Number(f"{i}.{k}", as_written(v), unit(labels, k, v)) for k, v in values.items() if known(v)}
        numbers |= {number.id: number for number in own.values()}
        rows.append(row_of(labels, {k: number.id for k, number in own.items()}))
    return AtHand(numbers, words(language)), rows
