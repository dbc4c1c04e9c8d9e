"""A study that asks for a bootstrap and for both witnesses, from its file to its report."""

from pathlib import Path

import numpy as np
import pytest

import evalkit as ek
import small_study
from evalkit.errors import EvalkitError, ManyErrors

CHOSEN = """
[inference]
bootstrap = "mammen"
draws = 499
[[check]]
method = "randomisation"
draws = 499
[[check]]
method = "wild_bootstrap"
draws = 999
"""


def evaluated(folder: Path, text: str = CHOSEN, spoil=lambda _: None):
    study = ek.load_study(small_study.write(folder, spoil, lambda s: s.replace('languages = ["en"]', "") + text))
    return ek.evaluate(study, folder)


def shuffled(rows) -> None:
    for table in rows.values():
        np.random.default_rng(4).shuffle(table)


def test_EST11_a_study_has_the_same_draws_whatever_the_order_of_rows(tmp_path: Path) -> None:
    first, second = evaluated(tmp_path / "a"), evaluated(tmp_path / "b", spoil=shuffled)
    draws = [e.effects[0].draws.effects for e in (first, second)]
    assert draws[0].shape == (499, len(first.effects[0].table))
    assert draws[0].tobytes() == draws[1].tobytes()
    assert first.sample.panel.inference.seed == 7, "the study's"
    other = evaluated(tmp_path / "c", CHOSEN.replace("draws = 499\n[[", "draws = 499\nseed = 8\n[[", 1))
    assert not np.array_equal(draws[0], other.effects[0].draws.effects)


def test_the_report_words_both_checks_and_has_the_band(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path)
    released = ek.release(evaluation)
    pages = ek.report(released, tmp_path / "out")
    english, japanese = (
        next(p for p in pages if p.name.endswith(f".{x}.html")).read_text("utf-8") for x in ("en", "ja")
    )
    assert "dealt out at random" in english
    assert "無作為に割り当て" in japanese
    assert "Wild cluster bootstrap" in english
    assert "クラスター" in japanese
    band = [key for key in released.numbers if key.endswith("band_low")]
    assert band
    assert {c.name: c.verdict for c in evaluation.checks}["wild_bootstrap"] == "info"


@pytest.mark.parametrize("wrong", ['bootstrap = "normal"', "draws = 10", 'bootstrap = "webb"'])
def test_what_is_no_choice_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises((EvalkitError, ManyErrors)):
        ek.load_study(small_study.write(tmp_path, study=lambda s: f"{s}\n[inference]\n{wrong}\n"))
