"""Saved JSON responses as text: the rows below a path, with the single values beside them carried along."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.etl.layouts import JsonRows
from evalkit.etl.reading.text_table import TextTable, header_name

Row = dict[str, str]
PARENT = "parent."
"""Put before the name of a carried value whose name the row has too."""


def read_json(path: Path, file: str, where: JsonRows) -> TextTable | None:
    """Read a JSON response; every value becomes text, numbers as they were written.

    Returns
    -------
    TextTable or None
        Lines are row numbers. None for a response without rows, which is an answer and not a fault.

    Raises
    ------
    DataError
        `E_JSON` (damaged, nested too deeply, or no path leads anywhere), `E_ENCODING`.
    """
    import pyarrow as pa

    document = _document(path, file)
    chosen = next((p for p in where.rows if _leads(document, p)), None)
    if chosen is None:
        raise DataError(
            f"none of the paths {', '.join(where.rows)} leads to rows", where=file, code="E_JSON",
            hint="is this an error message, or the response of another service?",
        )  # fmt: skip
    labels = _labels(document, where.labels) if where.labels else {}
    rows = [_labelled(row, labels) for row in _rows(document, chosen.split("."), {})]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {n: pa.chunked_array([pa.array([r.get(n, "") for r in rows], pa.string())]) for n in names}
    return TextTable(file, columns, lambda places: places + 1) if rows else None


def value_text(value: object) -> str:
    """Return one JSON value as text; of a list its values, with " / " between."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list):
        return " / ".join(value_text(v) for v in value if not isinstance(v, dict))
    return "" if value is None else str(value)


def _document(path: Path, file: str) -> Any:  # noqa: ANN401
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, parse_int=str, parse_float=lambda number: format(Decimal(number), "f"))
    except UnicodeDecodeError as error:
        raise DataError("JSON must be UTF-8", where=file, code="E_ENCODING") from error
    except json.JSONDecodeError as error:
        raise DataError("not valid JSON", where=f"{file}, line {error.lineno}", code="E_JSON") from None
    except RecursionError as error:
        raise DataError("the JSON is nested too deeply", where=file, code="E_JSON") from error


def _leads(node: Any, path: str) -> bool:  # noqa: ANN401
    """Whether the first step of a path exists; deeper ones may be empty."""
    first = path.split(".", maxsplit=1)[0]
    if first == "[]":
        return isinstance(node, list)
    return isinstance(node, dict) and first.removesuffix("[]") in node


def _rows(node: Any, steps: list[str], carried: Row) -> Iterator[Row]:  # noqa: ANN401
    """Yield the rows below a node."""
    if not steps:
        own = _flat(node) if isinstance(node, dict) else {"value": value_text(node)}
        yield {**{PARENT + k if k in own else k: v for k, v in carried.items()}, **own}
        return
    key = steps[0].removesuffix("[]")
    inner = node.get(key) if key and isinstance(node, dict) else node
    beside = {k: v for k, v in node.items() if k != key} if key and isinstance(node, dict) else {}
    carried = {**carried, **_flat(beside)}
    if not steps[0].endswith("[]"):
        inner = [inner]
    for child in inner if isinstance(inner, list) else [inner]:
        if child is not None:
            yield from _rows(child, steps[1:], carried)


def _flat(node: dict[str, Any], prefix: str = "") -> Row:
    """Return the single values of an object, those of objects inside with a dotted name; lists of objects are left."""
    row: Row = {}
    for key, value in node.items():
        if isinstance(value, dict):
            row |= _flat(value, f"{prefix}{key}.")
        elif not (isinstance(value, list) and any(isinstance(v, dict) for v in value)):
            row[header_name(prefix + key)] = value_text(value)
    return row


def _labels(document: Any, path: str) -> dict[str, dict[str, str]]:  # noqa: ANN401
    """Return the labels of each code column; one class is an object, several are a list."""
    node = document
    for step in path.split("."):
        node = node.get(step, {}) if isinstance(node, dict) else {}
    found = {}
    for item in node if isinstance(node, list) else [node]:
        classes = item.get("CLASS", []) if isinstance(item, dict) else []
        classes = classes if isinstance(classes, list) else [classes]
        if classes:
            found[f"@{item['@id']}"] = {c["@code"]: c["@name"] for c in classes}
    return found


def _labelled(row: Row, labels: dict[str, dict[str, str]]) -> Row:
    return row | {f"{name} label": labels[name].get(code, "") for name, code in row.items() if name in labels}
