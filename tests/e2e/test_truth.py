"""The example study finds what was put in: within its interval with noise, to rounding without."""

import json
from pathlib import Path

import pytest

import evalkit as ek
from evalkit import examples, simulate
from evalkit.examples.sme_demo import write_sme_demo

ROUNDING = 1e-10
"""Logs are rounded once to 2^-35 or finer; a mean over hundreds of firms is far below this."""
STUDY = Path(__file__).resolve().parents[2] / "pipelines" / "sme-demo" / "study.toml"


def _effects(root: Path) -> ek.Effects:
    study = ek.load_study(STUDY)
    sample = ek.match(ek.build(study, root), study.match.method, seed=study.seed, **study.match.options)
    return ek.estimate(sample, study.estimate[0].method, **study.estimate[0].options)


def _truth(root: Path) -> dict[str, dict[str, object]]:
    return json.loads((root / "sample_data" / "sme-demo" / "truth.json").read_text())["outcomes"]


def test_the_interval_covers_the_truth(tmp_path: Path) -> None:
    examples.write("sme-demo", tmp_path)
    truth = _truth(tmp_path)
    overall = ek.aggregate(_effects(tmp_path), by="overall").table
    assert len(overall) == 3
    for row in overall.itertuples():
        assert row.conf_low <= truth[row.outcome]["overall_log"] <= row.conf_high, row.outcome


def test_without_noise_every_cell_is_the_truth(tmp_path: Path) -> None:
    """Cell by cell: the overall value added depends on which firms are matched, a cell does not."""
    write_sme_demo(tmp_path / "sample_data" / "sme-demo", simulate.Design(noise=0.0))
    truth, effects = _truth(tmp_path), _effects(tmp_path)
    after = effects.table[effects.table["event_time"] >= 0]
    assert len(after) == 3 * (7 + 6 + 5 + 4 + 3)
    for row in after.itertuples():
        planted = truth[row.outcome]["log_by_event_time"][str(row.event_time)]
        assert row.estimate == pytest.approx(planted, abs=ROUNDING)
    overall = ek.aggregate(effects, by="overall").table.set_index("outcome")["estimate"]
    for name in ("sales", "employees"):
        assert overall[name] == pytest.approx(truth[name]["overall_log"], abs=ROUNDING)
