"""Every step of a flow conserves what went in."""

from pathlib import Path

import pytest

from evalkit.errors import EvalkitError
from evalkit.model.flow import Flow, FlowStep

STEPS = (FlowStep("read", "rows", 10, 8, 1, 1, "a rule"), FlowStep("pivot", "rows", 8, 4, collapsed=4))


def test_steps_are_kept_in_order() -> None:
    flow = Flow().add(STEPS[0]).add(STEPS[1])
    assert flow.steps == STEPS
    assert flow.extend(flow).steps == STEPS + STEPS


@pytest.mark.parametrize(
    "step", [FlowStep("x", "rows", 10, 9), FlowStep("x", "rows", 10, 12, -2), FlowStep("x", "rows", -1, -1)]
)
def test_a_step_that_loses_rows_is_a_defect(step: FlowStep) -> None:
    with pytest.raises(EvalkitError) as caught:
        Flow().add(step)
    assert (caught.value.code, caught.value.exit_code) == ("E_CONSERVATION", 1)


def test_a_flow_survives_saving(tmp_path: Path) -> None:
    path = tmp_path / "flow.json"
    Flow(STEPS).save(path)
    assert Flow.load(path) == Flow(STEPS)


def test_a_flow_as_a_table() -> None:
    frame = Flow(STEPS).to_frame()
    assert list(frame.columns) == ["step", "unit", "in", "kept", "quarantined", "collapsed", "reason"]
    assert (frame["in"] == frame["kept"] + frame["quarantined"] + frame["collapsed"]).all()
    assert "pivot" in Flow(STEPS)._repr_html_()
    assert Flow().to_frame().empty
