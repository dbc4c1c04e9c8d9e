"""A column that the grammar has read: values, and for each row the rule that refused it."""

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.as_text import column_text

if TYPE_CHECKING:
    import pyarrow as pa

RULES = (
    "", "E_NUMBER", "E_NOT_INTEGER", "E_DATE", "E_DATE_SERIAL", "E_CHECK_DIGIT", "E_PLACEHOLDER", "E_FIRM_ID",
    "E_NO_FIRM_ID", "E_MISSING", "E_CONTROL_CHAR",
)  # fmt: skip
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")

Parse = Callable[[str], tuple[Any, str]]
"""Text (after `clean`, not missing, without control characters) to its value and the rule it breaks ("" for none)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Column:
    """Values (n_rows,), null where missing or refused, and the refusing rule of each row as a place in `RULES`.

    `n_mended` counts the rows whose text was completed on the way.
    """

    values: "pa.Array"
    rule: NDArray[np.uint8]
    n_mended: int = 0


def clean(text: str) -> str:
    """Return the text after NFKC, without invisible characters, without white space at the ends."""
    return INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()


def distinct(column: "pa.ChunkedArray") -> tuple["pa.Array", NDArray[np.int64]]:
    """Return the distinct values of a column of any type as texts and, for each row, which of them it has."""
    import pyarrow as pa

    if not len(column):
        return pa.array([], pa.string()), np.empty(0, np.int64)
    encoded = column.dictionary_encode(null_encoding="encode").unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks]).astype(np.int64)
    return column_text(pa.chunked_array([encoded.chunk(0).dictionary])).combine_chunks(), codes


def parse_distinct(texts: Sequence[str], missing: Sequence[str], parse: Parse) -> tuple[list[Any], list[int]]:
    """Parse each text once; declared missing tokens become None without a rule."""
    tokens = {clean(t) for t in missing}
    values, rules = [], []
    for text in texts:
        value, rule = _one(text, tokens, parse)
        values.append(value)
        rules.append(RULES.index(rule))
    return values, rules


def by_distinct(column: "pa.ChunkedArray", missing: Sequence[str], parse: Parse, kind: "pa.DataType") -> Column:
    """Read a column of few distinct values: the text of each is parsed once."""
    import pyarrow as pa

    texts, codes = distinct(column)
    values, rules = parse_distinct(texts.to_pylist(), missing, parse)
    return Column(pa.array(values, kind).take(pa.array(codes)), np.array(rules, np.uint8)[codes])


def _one(text: str, tokens: set[str], parse: Parse) -> tuple[Any, str]:
    if CONTROL.search(text):
        return None, "E_CONTROL_CHAR"
    cleaned = clean(text)
    return (None, "") if cleaned in tokens else parse(cleaned)
