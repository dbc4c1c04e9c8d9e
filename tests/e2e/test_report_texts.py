"""What people write about findings that are there is no deviation from a locked plan; what a plan must hold is."""

import plans

LATER = """
[edition]
version = "1.0"
date = "2027-04-01"
[publish]
max_age_days = { firm_years = 400 }
[limits.bias.confounding]
risk = "serious"
direction = "upwards"
by = "Smith"
[limits.displacement]
en = "Not studied"
"""
PLANNED = """
[programme]
name.en = "Another name"
"""


def test_sign_off_and_judgements_come_after_the_lock(cli, tmp_path):
    study = plans.write(tmp_path)
    assert plans.lock(cli, study).code == 0
    study.write_text(study.read_text(encoding="utf-8") + LATER, encoding="utf-8")
    answer = cli("deviations", study, "--root", tmp_path)
    assert answer.code == 0
    assert "study." not in answer.out
    study.write_text(study.read_text(encoding="utf-8") + PLANNED, encoding="utf-8")
    assert "study.programme.name" in cli("deviations", study, "--root", tmp_path).out
