import dataclasses

import numpy as np
import pyarrow as pa
import pytest

import evalkit as ek
import twins
from evalkit.model.flow import Flow, FlowStep

EXACT = 1e-12


def marked(control: float, treated: float, column: str = "other_award", kind: pa.DataType | None = None) -> ek.Panel:
    """The first firms of each group have another award, as many as make the share."""
    panel = twins.panel(twins.frame(1000))
    mark = np.zeros(panel.n_firms)
    for group, share in ((panel.cohort == 0, control), (panel.cohort > 0, treated)):
        rows = np.flatnonzero(group)
        mark[rows[: round(share * len(rows))]] = 1
    values = pa.array(mark).cast(kind or pa.float64())
    return dataclasses.replace(panel, source=panel.source.append_column(column, values))


def check(panel: ek.Panel, weight: np.ndarray | None = None, **options: object):
    return ek.check(twins.sample(panel, weight), (), "co_treatment", **options)


@pytest.mark.parametrize(
    ("control", "treated", "case", "verdict"),
    [
        (0.0, 0.0, "pass", "pass"), (0.005, 0.04, "pass", "pass"), (0.03, 0.0, "warn", "warn"),
        (0.06, 0.0, "fail", "fail"), (0.0, 0.2, "treated", "warn"),
    ],
)  # fmt: skip
def test_limits(control: float, treated: float, case: str, verdict: str) -> None:
    result = check(marked(control, treated))
    assert (result.values["case"], result.verdict) == (case, verdict)


def test_shares_are_of_weights_and_counts_of_firms() -> None:
    panel = marked(0.5, 0.25)
    weight = np.random.default_rng(1).uniform(0, 2, panel.n_firms)
    weight[::5] = 0
    mark, result = panel.read(["other_award"]).column(0).to_numpy(), check(panel, weight)
    for name, own in (("treated", panel.cohort > 0), ("control", panel.cohort == 0)):
        assert result.values[f"share_{name}"] == pytest.approx(np.average(mark[own], weights=weight[own]), abs=EXACT)
        assert result.values[f"n_{name}_other"] == int((mark[own & (weight > 0)]).sum())
    assert sum(row["n_treated_other"] for row in result.rows) == result.values["n_treated_other"]


@pytest.mark.parametrize("kind", [pa.bool_(), pa.int64(), pa.float64()])
def test_a_study_can_name_columns_of_its_own(kind: pa.DataType) -> None:
    result = check(marked(0.1, 0.1, "r_and_d_grant", kind), columns=("r_and_d_grant",))
    assert result.verdict == "fail"


def test_columns_that_are_not_there_or_hold_text_are_refused() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        check(marked(0.1, 0.1), columns=("other_awards",))
    assert "other_award" in caught.value.hint
    with pytest.raises(ek.EvalkitError) as caught:
        check(marked(0.1, 0.1), columns=("firm_id",))
    assert caught.value.code == "E_OPTION"


def test_a_study_that_left_them_out_has_none() -> None:
    panel = twins.panel(twins.frame(100))
    flow = Flow((FlowStep("overlapping programmes", "firms", 110, 100, quarantined=10),))
    result = check(dataclasses.replace(panel, flow=flow))
    assert (result.verdict, result.statistic) == ("pass", 0)


def test_a_study_that_does_not_look_says_so() -> None:
    result = check(twins.panel(twins.frame(100)))
    assert (result.verdict, result.values["case"]) == ("info", "not_known")
