"""Checks that open sealed effects need none: they give the same answer without."""

import dataclasses

import pytest

import evalkit as ek
import firms
from evalkit import methods

DESIGN = [n for n in methods.names("checks") if getattr(methods.method_class("checks", n), "is_design", False)]


def test_there_are_some() -> None:
    assert {"balance", "overlap"} <= set(DESIGN)
    assert not {"pretrends", "honest_did", "pretrend_power"} & set(DESIGN)


@pytest.mark.parametrize("name", DESIGN)
def test_effects_do_not_change_the_answer(name: str) -> None:
    sample = ek.match(firms.panel(firms.frame(300)), "nearest")
    with_effects = ek.check(sample, ek.estimate(sample, "event_study"), name)
    assert dataclasses.asdict(ek.check(sample, (), name)) == dataclasses.asdict(with_effects)
