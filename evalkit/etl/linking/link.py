"""Link awards to a register: exact rules first, scored pairs for the rest, and every award in exactly one class."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evalkit.engine.local import threads
from evalkit.etl.linking.exact import RULES, exact_hits
from evalkit.etl.linking.keys import award_keys, register_firms, register_keys
from evalkit.etl.linking.splink import require_splink, scored_pairs
from evalkit.model.flow import Flow, FlowStep

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

LINKED, AMBIGUOUS, UNLINKED = "linked", "ambiguous", "unlinked"
SCORED = "splink"
FIRMS = """
create table firm as
select known.*, n_firms = 1 as is_only
from known join (select name, count(distinct firm) as n_firms from known group by name) using (name)
"""
"""The register's rows that have a name; `is_only` says that no other firm in the register has it."""


@dataclasses.dataclass(frozen=True)
class LinkOptions:
    """How awards are linked.

    Parameters
    ----------
    scored : bool
        Whether awards that no exact rule settles are compared by score; needs the extra `linkage`.
    least_score : float
        Least probability of a scored link.
    margin : float
        By how much the match weight (log2 of the odds) of the best firm must exceed that of the second best.
    memory : str
        Memory limit of DuckDB; beyond it, it works on disk.
    """

    scored: bool = True
    least_score: float = 0.95
    margin: float = 3.0
    memory: str = "4GB"


DEFAULT = LinkOptions()


@dataclasses.dataclass(frozen=True, eq=False)
class Links:
    """What became of each award.

    Parameters
    ----------
    table : Table
        One row per award, in the awards' order: `award_id`, `status` (linked, ambiguous, unlinked), `firm_id` (null
        unless linked), `rule` ("exact:name+city", "splink"; the rule that found several firms where ambiguous),
        `score` (1 for exact links, else the probability), `n_firms` (found by the rule), `legal_form` (null where the
        name has none).
    flow : Flow
        The awards set aside as ambiguous and as unlinked.
    """

    table: "pa.Table"
    flow: Flow

    def by_rule(self) -> "pa.Table":
        """Return the number of awards (`n_awards`) by status and rule."""
        keys = ["status", "rule"]
        counts = self.table.group_by(keys).aggregate([([], "count_all")]).rename_columns([*keys, "n_awards"])
        return counts.sort_by([("status", "descending"), ("n_awards", "descending"), ("rule", "ascending")])


class _Found:
    """What is known so far of each award (n_awards,)."""

    def __init__(self, n_awards: int) -> None:
        self.firm = np.full(n_awards, -1, np.int32)
        self.rule = np.full(n_awards, -1, np.int8)
        self.score = np.full(n_awards, np.nan)
        self.n_firms = np.zeros(n_awards, np.int32)
        self.is_open = np.ones(n_awards, bool)

    def put(self, rows: NDArray[np.int64], rule: int, n_firms: NDArray[np.int64]) -> None:
        """Note the first rule that found anything, and how many firms."""
        is_new = self.rule[rows] < 0
        self.rule[rows[is_new]], self.n_firms[rows[is_new]] = rule, n_firms[is_new]

    def link(self, rows: NDArray[np.int64], rule: int, firms: NDArray[np.int32], scores: NDArray[np.float64]) -> None:
        """Settle awards with one firm each."""
        self.firm[rows], self.rule[rows], self.score[rows], self.n_firms[rows] = firms, rule, scores, 1
        self.is_open[rows] = False


def link(awards: "pa.Table", register: "pa.Table", options: LinkOptions = DEFAULT) -> Links:
    """Link each award to the one firm that its name and address mean.

    Parameters
    ----------
    awards : Table
        `award_id`, `name`; any of `prefecture`, `city`, `address`; `award_date` where known.
    register : Table
        `firm_id`, `name`; any of `prefecture`, `city`, `address`; `closed` (date) where known. A firm may have rows for
        former names and addresses. A firm closed before the award is no candidate.
    options : LinkOptions
        Whether and how the rest is scored.

    Returns
    -------
    Links
        The same whatever the order of either table. An award is never on two rows.

    Raises
    ------
    DataError
        A column or an id is missing (`E_COLUMN`, `E_AWARD_ID`, `E_NO_FIRM_ID`).
    MissingExtraError
        Splink is asked for and not installed.
    """
    if options.scored:
        require_splink()
    keys, firms = award_keys(awards), register_firms(register)
    found = _Found(len(awards))
    with _database(options.memory) as database:
        database.register("award", keys)
        database.register("known", register_keys(register, firms))
        database.execute(FIRMS)
        for place, rule in enumerate(RULES):
            _open_awards(database, found)
            _apply(found, place, exact_hits(database, rule))
        if options.scored and len(firms):
            _open_awards(database, found)
            _apply_scores(found, scored_pairs(database, len(firms), _weight(options) - options.margin), options)
    return _links(awards, keys, firms, found)


LOCKED = (
    "autoinstall_known_extensions = false", "autoload_known_extensions = false", "enable_external_access = false",
    "lock_configuration = true",
)  # fmt: skip
"""Settings of the database; the last one makes them final."""


@contextlib.contextmanager
def _database(memory: str) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a database in memory; what spills to disk lies in a private folder and is removed.

    It reads and writes no other file, loads nothing, and no query can change that.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "threads": threads(),
            "temp_directory": folder,
        }
        with duckdb.connect(config=config) as database:
            for setting in LOCKED:
                database.execute(f"set {setting}")
            yield database


def _open_awards(database: "duckdb.DuckDBPyConnection", found: _Found) -> None:
    """Make the table `open_award` of the awards that are not settled; without a name, nothing settles them."""
    import pyarrow as pa

    still = pa.table({"row": pa.array(np.flatnonzero(found.is_open), pa.int32())})
    database.register("still", still)
    database.execute("""create or replace table open_award as
        select award.* from award semi join still using (row) where name is not null""")


def _apply(found: _Found, place: int, hits: "pa.Table") -> None:
    award, n_firms, firm = (hits[c].to_numpy() for c in ("award", "n_firms", "firm"))
    is_one = n_firms == 1
    found.put(award, place, n_firms)
    found.link(award[is_one], place, firm[is_one], np.ones(int(is_one.sum())))


def _apply_scores(found: _Found, pairs: "pa.Table", options: LinkOptions) -> None:
    """Link awards whose best firm scores enough and stands clear of the second best."""
    award, firm, weight, score = (pairs[c].to_numpy() for c in ("award", "firm", "weight", "score"))
    rows, best, n_pairs = np.unique(award, return_index=True, return_counts=True)
    second = np.where(n_pairs > 1, weight[np.minimum(best + 1, len(weight) - 1)], -np.inf)
    is_likely = score[best] >= options.least_score
    is_clear = is_likely & (weight[best] - second >= options.margin)
    found.put(rows[is_likely], len(RULES), n_pairs[is_likely])
    found.link(rows[is_clear], len(RULES), firm[best[is_clear]], score[best[is_clear]])


def _weight(options: LinkOptions) -> float:
    return float(np.log2(options.least_score / (1 - options.least_score)))


def _links(awards: "pa.Table", keys: "pa.Table", firms: "pa.Array", found: _Found) -> Links:
    import pyarrow as pa

    is_linked, is_found = found.firm >= 0, found.rule >= 0
    names = pa.array([*(f"exact:{rule.name}" for rule in RULES), SCORED])
    status = np.where(is_linked, LINKED, np.where(is_found, AMBIGUOUS, UNLINKED))
    table = pa.table({
        "award_id": awards["award_id"],
        "status": pa.array(status, pa.string()),
        "firm_id": firms.take(pa.array(found.firm, mask=~is_linked)),
        "rule": names.take(pa.array(found.rule, mask=~is_found)),
        "score": pa.array(found.score, mask=~is_linked),
        "n_firms": pa.array(found.n_firms),
        "legal_form": keys["form"],
    })  # fmt: skip
    n_awards, n_linked = len(table), int(is_linked.sum())
    n_ambiguous = int((status == AMBIGUOUS).sum())
    n_certain = n_awards - n_ambiguous
    flow = Flow().add(
        FlowStep("link: one firm", "awards", n_awards, n_certain, quarantined=n_ambiguous, reason="E_LINK_AMBIGUOUS")
    )
    step = FlowStep(
        "link: any firm",
        "awards",
        n_certain,
        n_linked,
        quarantined=int((status == UNLINKED).sum()),
        reason="E_UNLINKED",
    )
    return Links(table, flow.add(step))
