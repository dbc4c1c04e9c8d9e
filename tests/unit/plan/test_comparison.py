"""Two runs: what changed, effects in standard errors, and why."""

import copy

import pytest

from evalkit.plan.comparison import UNEXPLAINED, Run, compare

MANIFEST = {
    "study": {"id": "s", "seed": 7}, "study_sha256": "ab" * 32, "inputs": {"data/a.csv": "1"}, "code_sha256": "c",
    "versions": {"numpy": "2.0"},
}  # fmt: skip
RESULTS = [
    {"id": "effects.m.overall.sales.estimate", "value": 0.10},
    {"id": "effects.m.overall.sales.std_error", "value": 0.02},
    {"id": "effects.m.overall.exit.estimate", "value": None}, {"id": "effects.m.overall.exit.std_error", "value": None},
    {"id": "sample.n_treated", "value": 24},
]  # fmt: skip


def run(estimate: float = 0.10, verdict: str = "pass", **changes: object) -> Run:
    results = copy.deepcopy(RESULTS)
    results[0]["value"] = estimate
    return Run({**MANIFEST, **changes}, results, {"pretrends": verdict})


def test_equal_runs() -> None:
    found = compare(run(), run())
    assert found["why"] == "nothing changed"
    assert [row["id"] for row in found["effects"]] == ["m.overall.exit", "m.overall.sales"]
    assert [row["standard_errors"] for row in found["effects"]] == [None, 0.0]
    assert not any(found[part] for part in ("study", "inputs", "code", "versions", "checks"))


@pytest.mark.parametrize(("changes", "part", "row", "cause"), [
    ({"study": {"id": "s", "seed": 8}}, "study", ("seed", "7", "8"), "the study"),
    ({"inputs": {"data/a.csv": "2"}}, "inputs", ("data/a.csv", "1", "2"), "the input files"),
    ({"code_sha256": "d"}, "code", ("code", "c", "d"), "evalkit itself"),
    ({"versions": {"numpy": "2.1"}}, "versions", ("numpy", "2.0", "2.1"), "other packages"),
])  # fmt: skip
def test_what_changed_and_why(changes, part, row, cause) -> None:
    found = compare(run(), run(0.15, **changes))
    assert [tuple(d.values()) for d in found[part]] == [row]
    assert found["why"] == f"effects changed, and so did {cause}"
    assert found["effects"][1]["standard_errors"] == pytest.approx((0.15 - 0.10) / 0.02, rel=1e-12)  # rounding only
    assert compare(run(), run(**changes))["why"] == f"no effect changed, although {cause} did"


def test_verdicts_and_changes_without_a_cause() -> None:
    found = compare(run(), run(0.15, "fail"))
    assert found["checks"] == [{"field": "pretrends", "before": "pass", "after": "fail"}]
    assert found["why"] == UNEXPLAINED
