"""Which movements of planned effects hold an edition."""

import pytest

from evalkit.plan.movement import LARGEST_MOVE, Movement, movements, planned_changes

Z = 1.96


def numbers(estimate, std_error=0.02, name="m.overall.sales", interval=True):
    """Return one effect as `results.json` has it; None is hidden."""
    values = {"estimate": estimate, "std_error": std_error}
    if interval and None not in (estimate, std_error):
        values |= {"conf_low": estimate - Z * std_error, "conf_high": estimate + Z * std_error}
    return [{"id": f"effects.{name}.{quantity}", "value": value} for quantity, value in values.items()]


@pytest.mark.parametrize(("before", "after", "rule"), [
    (numbers(0.125), numbers(0.125), None),
    (numbers(0.125, 0.0625), numbers(0.125 + LARGEST_MOVE * 0.0625, 0.0625), None),
    (numbers(0.125, 0.0625), numbers(0.126 + LARGEST_MOVE * 0.0625, 0.0625), "moved"),
    (numbers(0.25, 0.0625), numbers(0.24 - LARGEST_MOVE * 0.0625, 0.0625), "moved"),
    (numbers(0.05, 0.02), numbers(-0.005, 0.002), "sign"),
    (numbers(0.05, 0.02), numbers(-0.005, 0.01), None),
    (numbers(0.03, 0.02), numbers(-0.005, 0.002), None),
    (numbers(0.05, 0.001), numbers(-0.05, 0.001), "sign"),
    (numbers(0.05), [], "unknown"),
    (numbers(0.05, None), numbers(0.06), "unknown"),
    (numbers(0.05, 0.0), numbers(0.06), "unknown"),
    (numbers(0.05, None), numbers(0.05), None),
    (numbers(0.05), numbers(None, None), None),
    (numbers(None, None), numbers(0.9), None),
    ([], numbers(0.9), None),
    (numbers(0.1, name="m.event_time.sales.2"), numbers(0.9, name="m.event_time.sales.2"), None),
    (numbers(0.1, name="m.cohort.sales.2018"), numbers(0.9, name="m.cohort.sales.2018"), None),
    (numbers(0.1, name="m.group.sales.A"), numbers(0.1 + 2.9 * 0.02, name="m.group.sales.A"), None),
    (numbers(0.1, name="m.group.sales.A"), numbers(0.1 + 3.1 * 0.02, name="m.group.sales.A"), "moved"),
    (numbers(0.05, name="m.group.sales.A"), numbers(-0.005, 0.002, name="m.group.sales.A"), "sign"),
    (numbers(0.1, name="m.group.sales.A"), numbers(None, None, name="m.group.sales.A"), None),
    (numbers(0.1, name="m.group.sales.A"), numbers(0.1, name="m.group.sales.B"), "unknown"),
    (numbers(0.1, 0.02, interval=False), numbers(0.9, interval=False), "moved"),
])  # fmt: skip
def test_rules(before, after, rule) -> None:
    """At the bound and beyond it; signs, with and without a zero in an interval; hidden, new, gone, not planned;
    groups of firms as well."""
    found = movements(before, after)
    assert [m.rule for m in found] == ([] if rule is None else [rule])


def test_every_planned_effect_is_looked_at_and_named() -> None:
    before = [*numbers(0.1), *numbers(0.1, name="m.overall.exit"), *numbers(0.1, name="n.cohort.sales.2018")]
    after = [*numbers(0.2), *numbers(0.12, name="m.overall.exit"), *numbers(0.9, name="n.cohort.sales.2018")]
    (found,) = movements(before, after)
    assert found == Movement("m.overall.sales", "moved", pytest.approx(5.0, rel=1e-12))  # rounding only
    assert [row["id"] for row in planned_changes(before, after)] == ["m.overall.exit", "m.overall.sales"]
