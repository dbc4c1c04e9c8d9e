"""Which checks of the design keep effects sealed."""

import pytest

import evalkit as ek
import plans
import small_study
from evalkit import run


@pytest.mark.parametrize(("checks", "spoil", "failed"), [
    (["balance"], lambda _: None, []), (["balance", "overlap"], lambda _: None, []),
    (["balance", "overlap"], plans.unbalanced, ["balance"]), (["overlap"], lambda _: None, ["overlap"]),
])  # fmt: skip
def test_gates(checks, spoil, failed, tmp_path) -> None:
    """Without a score, `overlap` cannot decide; that is no failure beside another check, and no pass by itself."""
    text = "".join(f'[[check]]\nmethod = "{name}"\n' for name in checks)
    path = small_study.write(tmp_path, spoil, lambda s: s.replace('[[check]]\nmethod = "pretrends"\n', text))
    study = ek.load_study(path)
    sample = run.match_study(study, ek.build(study, tmp_path))
    assert run.failed_gates(study, sample) == failed
