"""Ends of firms: causes in codes and words, and the last firm-year seen."""

import numpy as np
import pytest

from evalkit.etl.panel.lives import CAUSES, NEVER, cause_of, last_seen


@pytest.mark.parametrize(
    ("text", "cause"),
    [("01", "liquidation"), ("1", "liquidation"), ("11", "merger"), ("合併による解散等", "merger"), ("21", "registrar"),
     (" みなし解散 ", "registrar"), ("31", "other_liquidation"), ("その他の清算の結了等", "other_liquidation"),
     ("99", "other"), ("", "other"), (None, "other"), ("merger", "merger")],
)  # fmt: skip
def test_codes_and_words_of_registers(text, cause):
    assert cause_of(text) == cause


def test_the_codes_of_the_register_are_all_known():
    """`01`, `11`, `21` and `31` are all the codes that the National Tax Agency has."""
    assert [cause_of(code) for code in ("01", "11", "21", "31")] == list(CAUSES[:4])


def test_the_period_after_the_last_one_seen():
    is_seen = np.array([[1, 0, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], bool)
    lives = last_seen(is_seen, (2018, 2019, 2020))
    assert lives.end.tolist() == [NEVER, NEVER, NEVER, 2019]
    assert lives.is_exit.tolist() == [False, False, False, True]
    assert not lives.is_censored.any()
