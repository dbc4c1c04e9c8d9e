"""How good links are: precision and recall against a labelled sample, and the link rate of groups of awards."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit.errors import DataError
from evalkit.etl.linking.link import AMBIGUOUS, LINKED, UNLINKED, Links

if TYPE_CHECKING:
    import pyarrow as pa


@dataclasses.dataclass(frozen=True)
class LinkQuality:
    """Links against a sample whose firms are known.

    Parameters
    ----------
    n_labelled : int
        Awards in the sample.
    n_in_register : int
        Those of them that have a firm.
    n_linked : int
        Those that were linked, rightly or wrongly.
    n_right : int
        Those that were linked to their firm.
    """

    n_labelled: int
    n_in_register: int
    n_linked: int
    n_right: int

    @property
    def precision(self) -> float:
        """Share of links that are right; not a number where nothing was linked."""
        return self.n_right / self.n_linked if self.n_linked else float("nan")

    @property
    def recall(self) -> float:
        """Share of awards with a firm that were linked to it; not a number where none has one."""
        return self.n_right / self.n_in_register if self.n_in_register else float("nan")


def evaluate_links(links: Links, sample: "pa.Table") -> LinkQuality:
    """Compare links with a labelled sample.

    Parameters
    ----------
    links : Links
        Of all awards.
    sample : Table
        `award_id` and `firm_id`, null where the award's firm is not in the register.

    Raises
    ------
    DataError
        An award of the sample is unknown or occurs twice (`E_SAMPLE`).
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.index_in(sample["award_id"], value_set=links.table["award_id"])
    n_wrong = len(sample) - pc.count_distinct(place).as_py()
    if n_wrong:
        raise DataError(
            f"{n_wrong} awards of the labelled sample are unknown or occur twice", where="link.sample",
            code="E_SAMPLE", hint="use the awards' own ids, each once",
        )  # fmt: skip
    linked = links.table["firm_id"].take(place).cast(pa.string())
    is_right = pc.equal(linked, sample["firm_id"].cast(pa.string()))
    return LinkQuality(
        n_labelled=len(sample),
        n_in_register=len(sample) - sample["firm_id"].null_count,
        n_linked=len(linked) - linked.null_count,
        n_right=pc.sum(is_right).as_py() or 0,
    )


def link_rates(links: Links, awards: "pa.Table", by: Sequence[str]) -> "pa.Table":
    """Return the link rate of each level of some columns of the awards, and of the legal forms.

    Parameters
    ----------
    links : Links
        Of these awards.
    awards : Table
        The table that was linked.
    by : sequence of str
        Its columns, for example programme and year.

    Returns
    -------
    Table
        `column`, `level` (null where missing), `n_awards`, `linked`, `ambiguous`, `unlinked` (counts) and `rate`
        (linked / n_awards), sorted by column in the order asked for, then level.
    """
    import pyarrow as pa

    groups = {**{name: awards[name] for name in by}, "legal_form": links.table["legal_form"]}
    return pa.concat_tables([_rates(name, values, links) for name, values in groups.items()])


def _rates(name: str, values: "pa.ChunkedArray", links: Links) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.compute as pc

    status = {s: pc.equal(links.table["status"], s).cast(pa.int64()) for s in (LINKED, AMBIGUOUS, UNLINKED)}
    counted = (
        pa.table({"level": values.cast(pa.string()), **status})
        .group_by("level")
        .aggregate([([], "count_all"), *((s, "sum") for s in status)])
    )
    table = counted.rename_columns(["level", "n_awards", *status]).sort_by("level")
    rate = pc.divide(table[LINKED].cast(pa.float64()), table["n_awards"].cast(pa.float64()))
    column = pa.array([name] * len(table), pa.string())
    return table.add_column(0, "column", column).append_column("rate", rate)
