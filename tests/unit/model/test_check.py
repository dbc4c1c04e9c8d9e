"""A check's answer shows itself and survives saving."""

from pathlib import Path

from evalkit import CheckResult
from evalkit.model.check import load_checks, save_checks

RESULT = CheckResult("pretrends", "Alike?", "pass", "Yes <b>.", {"case": "yes", "p_value": 0.25}, 1.5, ({"year": 1},))


def test_checks_survive_saving(tmp_path: Path) -> None:
    save_checks(tmp_path / "checks.json", (RESULT,))
    (loaded,) = load_checks(tmp_path / "checks.json")
    assert (loaded.name, loaded.verdict, loaded.sentence) == ("pretrends", "pass", "Yes <b>.")
    assert (loaded.values, loaded.statistic, loaded.rows) == (RESULT.values, 1.5, RESULT.rows)


def test_a_check_shows_its_verdict_and_its_table() -> None:
    assert RESULT._repr_html_() == "<p><b>pretrends: pass</b>. Yes &lt;b&gt;.</p>"
    assert RESULT.to_frame().to_dict("records") == [{"year": 1}]
