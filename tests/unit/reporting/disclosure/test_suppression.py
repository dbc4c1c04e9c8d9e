"""Secondary suppression: what it hides cannot be worked out, by linear programming and by trying all tables."""

import itertools

import numpy as np
import pytest

from evalkit.errors import DisclosureError, EvalkitError
from evalkit.reporting.disclosure.attack import audit, wanted
from evalkit.reporting.disclosure.profiles import PROFILES
from evalkit.reporting.disclosure.suppression import protect
from evalkit.reporting.disclosure.tables import Sum, Table, crossed, together

RELEASE, JP = PROFILES["release"], PROFILES["jp_table"]
N_TABLES, N_SLOW = 50, 1_000
SOLVER = 1e-6
"""Of a firm: what the linear programme may be off."""


def with_margins(values):
    return np.block([[values, values.sum(1, keepdims=True)], [values.sum(0, keepdims=True), values.sum()]])


def small_counts(name, values, threshold=10):
    whole = with_margins(values)
    return crossed(name, values, (whole > 0) & (whole < threshold))


def random_tables(rng):
    """Return one to three tables of one population: one by two traits, others by the first trait and a third."""
    n_rows, n_columns = rng.integers(2, 7, 2)
    first = rng.negative_binomial(0.7, 0.03, (n_rows, n_columns))
    tables = [small_counts("a", first)]
    for name in "bc"[: rng.integers(0, 3)]:
        shares = rng.dirichlet(np.ones(3), n_rows)
        other = np.array([rng.multinomial(n, p) for n, p in zip(first.sum(1), shares, strict=True)])
        table = small_counts(name, other)
        same = {f"{name}.{i}.+": f"a.{i}.+" for i in range(n_rows)} | {f"{name}.+.+": "a.+.+"}
        tables.append(
            Table(
                {same.get(k, k): v for k, v in table.values.items()},
                tuple(Sum(same.get(s.total, s.total), tuple(same.get(p, p) for p in s.parts)) for s in table.sums),
                frozenset(same.get(k, k) for k in table.primary),
            )
        )
    return tables


def attack_random_tables(n, seed):
    rng = np.random.default_rng(seed)
    n_attacked = 0
    for _ in range(n):
        tables = random_tables(rng)
        hidden = protect(tables, RELEASE)
        found = audit(tables, hidden, RELEASE)
        assert found.recovered == ()
        for cell, interval in found.intervals.items():
            value = together(tables).values[cell]
            assert interval.low < interval.high
            assert interval.covers(0.9 * value, 1.1 * value)
        n_attacked += len(found.intervals)
    return n_attacked


def test_no_protected_cell_of_random_linked_tables_can_be_worked_out():
    assert attack_random_tables(N_TABLES, 1) > 2 * N_TABLES


@pytest.mark.slow
def test_no_protected_cell_of_a_thousand_tables_can_be_worked_out():
    assert attack_random_tables(N_SLOW, 2) > 2 * N_SLOW


def possible(table, hidden):
    """Try all whole numbers: every value that each hidden cell can have."""
    names = sorted(hidden)
    most = int(max(table.values.values()))
    seen = {name: set() for name in names}
    for guess in itertools.product(range(most + 1), repeat=len(names)):
        values = {**table.values, **dict(zip(names, guess, strict=True))}
        if all(values[s.total] == sum(values[p] for p in s.parts) for s in table.sums):
            for name, n in zip(names, guess, strict=True):
                seen[name].add(n)
    return seen


@pytest.mark.parametrize("seed", range(6))
def test_the_attack_finds_what_trying_all_tables_finds(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 7, (2, 3))
    table = crossed("t", values, np.zeros((3, 4), bool))
    inner = sorted(n for n in table.values if "+" not in n)
    hidden = frozenset(rng.choice(inner, 4, replace=False))
    table = Table(table.values, table.sums, hidden)
    found = audit([table], hidden, JP).intervals
    for name, seen in possible(table, hidden).items():
        assert (found[name].low, found[name].high) == pytest.approx((min(seen), max(seen)), abs=SOLVER)


def test_a_bridge_is_recovered_although_each_line_has_two_marks():
    """Two squares of hidden cells joined by one cell: that cell is the difference of what their margins tell."""
    values = np.full((4, 4), 20)
    marks = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)]
    chosen = np.zeros((5, 5), bool)
    for place in marks:
        chosen[place] = True
    assert all(n >= 2 for n in [*chosen[:4].sum(1), *chosen[:, :4].sum(0)])
    table = crossed("t", values, chosen)
    found = audit([table], table.primary, RELEASE)
    assert found.recovered == ("t.1.2",)
    assert found.intervals["t.1.2"].low == pytest.approx(20)
    assert audit([table], protect([table], RELEASE), RELEASE).is_passed


def test_one_hidden_cell_beside_its_margins_takes_a_square():
    values = np.full((3, 3), 30)
    values[1, 1] = 4
    table = small_counts("t", values)
    assert audit([table], table.primary, RELEASE).recovered == ("t.1.1",)
    hidden = protect([table], RELEASE)
    assert len(hidden) == 4
    assert audit([table], hidden, RELEASE).n_secondary == 3


def test_two_tables_that_are_safe_alone_are_not_together():
    by_cohort = {"c1": 9.0, "c2": 20.0, "all": 29.0}
    first = Table(by_cohort, (Sum("all", ("c1", "c2")),), frozenset({"c1"}))
    second = Table({"c2": 20.0, "x": 8.0, "y": 12.0}, (Sum("c2", ("x", "y")),))
    alone = protect([first], RELEASE)
    assert alone == {"c1", "c2"}
    assert audit([first], alone, RELEASE).is_passed
    assert audit([first, second], alone, RELEASE).recovered == ("c1",)
    assert audit([first, second], protect([first, second], RELEASE), RELEASE).is_passed


def test_needed_cells_are_hidden_last():
    values = {"a": 4.0, "b": 30.0, "c": 31.0, "all": 65.0}
    sums = (Sum("all", ("a", "b", "c")),)
    assert protect([Table(values, sums, frozenset("a"))], RELEASE) == {"a", "b"}
    assert protect([Table(values, sums, frozenset("a"), needed=frozenset("b"))], RELEASE) == {"a", "c"}


def test_what_cannot_be_protected_is_an_error():
    table = Table({"a": 4.0, "all": 4.0}, (Sum("all", ("a",)),), frozenset("a"), known=frozenset({"all"}))
    with pytest.raises(DisclosureError, match="cannot be protected"):
        protect([table], RELEASE)


def test_a_shown_cell_that_a_rule_hides_is_an_error():
    with pytest.raises(DisclosureError, match="1 cells that a rule hides are shown"):
        audit([Table({"a": 4.0}, primary=frozenset("a"))], frozenset(), RELEASE)


@pytest.mark.parametrize("tables", [
    [Table({"a": 1.0}), Table({"a": 2.0})], [Table({"a": 1.0, "b": 2.0}, (Sum("a", ("b",)),))],
])  # fmt: skip
def test_tables_that_disagree_are_a_defect(tables):
    with pytest.raises(EvalkitError):
        together(tables)


def test_how_far_a_hidden_cell_must_be_able_to_move():
    assert wanted(3, RELEASE) == (2, 10)
    assert wanted(1, RELEASE) == (0, 10)
    assert wanted(1_000, RELEASE) == (900, 1_100)


@pytest.mark.slow
def test_47_by_20_with_304_hidden_cells():
    rng = np.random.default_rng(1)
    values = rng.negative_binomial(0.6, 0.008, (47, 20))
    whole = with_margins(values)
    chosen = (whole > 0) & (whole < 10)
    for place in np.argwhere(whole[:47, :20] >= 10)[: 304 - chosen.sum()]:
        chosen[tuple(place)] = True
    table = crossed("t", values, chosen)
    assert len(table.primary) == 304
    assert audit([table], protect([table], RELEASE), RELEASE).is_passed
