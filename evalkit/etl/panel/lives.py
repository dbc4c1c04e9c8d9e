"""When firms go out of business, and why."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.etl.grammar.column import clean
from evalkit.etl.grammar.dates import fiscal_years
from evalkit.etl.panel.firm_records import find, has, held
from evalkit.model.panel import FIRM
from evalkit.model.study import Study

if TYPE_CHECKING:
    import pyarrow as pa

WORDS = {
    "liquidation": ("01", "清算の結了等", "清算結了", "liquidation"),
    "merger": ("11", "合併による解散等", "合併", "吸収合併", "merger"),
    "registrar": ("21", "登記官による閉鎖", "みなし解散", "登記官の職権", "registrar"),
    "other_liquidation": ("31", "その他の清算の結了等", "other_liquidation"),
}
"""Causes of closure, and the codes and words that registers have for them."""
CAUSE_OF = {clean(word): cause for cause, words in WORDS.items() for word in words}
OTHER, NOT_SEEN = "other", "not_seen"
CAUSES = (*WORDS, OTHER, NOT_SEEN)
NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True, eq=False)
class Lives:
    """The ends of firms.

    Parameters
    ----------
    end : (n_firms,) int64
        First period out of business, `NEVER` for firms that are in business.
    cause : (n_firms,) int
        Place in `CAUSES`; -1 without an end.
    is_exit, is_censored : (n_firms,) bool
        Whether the end counts as an exit, or is where knowledge of the firm ends.
    """

    end: NDArray[np.int64]
    cause: NDArray[np.int64]
    is_exit: NDArray[np.bool_]
    is_censored: NDArray[np.bool_]


def cause_of(text: str | None) -> str:
    """Return the cause that a code or a word means, "other" for one that is not known.

    Examples
    --------
    >>> cause_of("11"), cause_of("1"), cause_of("登記官による閉鎖"), cause_of(None)
    ('merger', 'liquidation', 'registrar', 'other')
    """
    word = clean(text or "")
    return CAUSE_OF.get(word.zfill(2) if word.isdecimal() else word, OTHER)


def closures(study: Study, firms: "pa.Array", records: "pa.Table") -> Lives:
    """Return the ends of firms (n_firms,) by the register: the fiscal year of `close_date`, and `close_cause`.

    What counts as an exit is as the study says for mergers and for closures by the registrar; other causes do.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    place = find(firms, records.column(FIRM).combine_chunks())
    record = pa.array(place, mask=place < 0)
    dates = held(records, "close_date").take(record)
    years = fiscal_years(dates, study.period.fiscal_year_start)
    is_closed = np.asarray(pc.is_valid(years).to_numpy(zero_copy_only=False), bool)
    end = np.where(is_closed, years.fill_null(0).to_numpy().astype(np.int64), NEVER)
    cause = np.where(is_closed, _causes(records).take(record).fill_null(CAUSES.index(OTHER)).to_numpy(), -1)
    rules = {"merger": study.firms.mergers, "registrar": study.firms.registrar}
    rule = np.array([rules.get(name, "exit") for name in CAUSES] + [""])[cause]
    return Lives(end, cause, rule == "exit", rule == "censor")


def _causes(records: "pa.Table") -> "pa.Array":
    """Return the cause (n_records,) of each record as a place in `CAUSES`."""
    import pyarrow as pa

    if not has(records, "close_cause"):
        return pa.array(np.full(len(records), CAUSES.index(OTHER)))
    encoded = held(records, "close_cause").dictionary_encode()
    meaning = pa.array([CAUSES.index(cause_of(text)) for text in encoded.dictionary.to_pylist()], pa.int64())
    return meaning.take(encoded.indices)


def last_seen(is_seen: NDArray[np.bool_], periods: tuple[int, ...]) -> Lives:
    """Return the ends of firms by their firm-years (n_periods, n_firms): the period after the last one seen."""
    n_after = np.argmax(is_seen[::-1], axis=0)
    end = np.where(n_after > 0, periods[-1] + 1 - n_after, NEVER).astype(np.int64)
    is_exit = n_after > 0
    return Lives(end, np.where(is_exit, CAUSES.index(NOT_SEEN), -1), is_exit, np.zeros(len(end), bool))
