"""What was done: each method with its options and reference, read from the method itself."""

import ast
from typing import Any

from markupsafe import Markup

from evalkit import methods
from evalkit.model.study import MethodSpec
from evalkit.reporting.page import Cell, Column, Page, Table


def render(page: Page) -> Markup:
    """Render the section."""
    study = page.release.study
    used: list[tuple[methods.Kind, MethodSpec]] = [("matching", study.match)]
    used += [("estimation", spec) for spec in study.estimate]
    used += [("checks", spec) for spec in study.check]
    return page.fill("methods.html.j2", methods=[_entry(page, kind, spec) for kind, spec in used])


def _entry(page: Page, kind: methods.Kind, spec: MethodSpec) -> dict[str, Any]:
    words, key = page.words, f"method.{kind}.{spec.method}"
    described = methods.describe(kind, spec.method)
    rows = [_option(page, option, spec) for option in described.options]
    columns = [Column(words[f"methods.{c}"], is_number=False) for c in ("option", "value", "meaning")]
    return {
        "kind": words[f"methods.{kind}"],
        "title": words.get(f"{key}.title", spec.method),
        "name": spec.method,
        "summary": words.get(f"{key}.summary", described.text),
        "assumes": words.get(f"{key}.assumes", ""),
        "reference": described.reference,
        "table": Table(words["methods.options"], columns, rows) if rows else None,
    }


def _option(page: Page, option: methods.Option, spec: MethodSpec) -> list[Cell]:
    value = spec.options.get(option.name, option.default)
    return [option.name, _value(page, value), page.words.get(f"options.{option.name}", option.text)]


def _value(page: Page, value: Any) -> str:  # noqa: ANN401
    """Write an option's value; names of columns and choices in words."""
    words = page.words
    if isinstance(value, bool) or value in ("True", "False"):
        return words["methods.yes" if str(value) == "True" else "methods.no"]
    if isinstance(value, str) and value.startswith("("):
        value = ast.literal_eval(value)
    if isinstance(value, tuple):
        return words["page.list"].join(_named(page, str(v)) for v in value) or words["methods.default"]
    if isinstance(value, dict):
        return (
            words["page.list"].join(f"{words.column(k)} {_plain(v)}" for k, v in value.items())
            or words["methods.default"]
        )
    text = str(value)
    return _named(page, text) if text not in ("", "()") else words["methods.default"]


def _named(page: Page, name: str) -> str:
    """Write one of several values: a choice, an estimator, a column or a number."""
    words = page.words
    return words.get(f"option_values.{name}", "") or words.get(f"method.estimation.{name}.title", words.column(name))


def _plain(value: Any) -> str:  # noqa: ANN401
    """Write a number, a word, or a list of them in brackets."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_plain, value))})"
    return value if isinstance(value, str) else f"{value:g}"
