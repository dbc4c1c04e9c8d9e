"""Bytes of texts against Python's own view of each text."""

import numpy as np
import pyarrow as pa
import pytest

from evalkit.etl.grammar.text_bytes import has_only_digits, text_bytes

TEXTS = ["12", "", "1a", "０", "9/", "007", ":", "-5", "3"]


@pytest.mark.parametrize(("first", "last"), [(0, 9), (2, 9), (3, 6), (0, 2), (4, 4)])
def test_slices_too(first, last):
    texts = pa.array(TEXTS).slice(first, last - first)
    data, starts = text_bytes(texts)
    raw = [t.encode() for t in TEXTS[first:last]]
    assert data.tobytes() == b"".join(raw)
    assert np.diff(starts).tolist() == [len(r) for r in raw]
    assert has_only_digits(data, starts).tolist() == [r.isdigit() or not r for r in raw]
