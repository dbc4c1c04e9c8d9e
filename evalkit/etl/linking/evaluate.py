"""How good links are: precision and recall against a sample of awards whose firms are known."""

import dataclasses
from typing import TYPE_CHECKING

from evalkit.errors import DataError
from evalkit.etl.linking.link import Links

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
            f"{n_wrong} awards of the labelled sample are unknown, have a firm id or occur twice",
            where="link.sample", code="E_SAMPLE", hint="use the ids of awards without a firm id, each once",
        )  # fmt: skip
    linked = links.table["firm_id"].take(place).cast(pa.string())
    is_right = pc.equal(linked, sample["firm_id"].cast(pa.string()))
    return LinkQuality(
        n_labelled=len(sample),
        n_in_register=len(sample) - sample["firm_id"].null_count,
        n_linked=len(linked) - linked.null_count,
        n_right=pc.sum(is_right).as_py() or 0,
    )
