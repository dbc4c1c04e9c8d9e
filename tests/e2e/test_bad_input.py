"""Bad input: one clear message, the right exit code, nothing half-written. Grows with every new rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

import small_study
from small_study import Rows

LIST_OF_REJECTED = {"out/small", "out/small/restricted", "out/small/restricted/rejected", "out"}


def rows_of(table: str, change: Callable[[Rows], object]) -> Callable[[dict[str, Rows]], None]:
    def spoil(tables: dict[str, Rows]) -> None:
        change(tables[table])

    return spoil


def every(column: str, value: str, stop: int | None = None) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows[:stop]:
            row[column] = value

    return change


def renamed(old: str, new: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            row[new] = row.pop(old)

    return change


def all_treated(tables: dict[str, Rows]) -> None:
    model = tables["awards"][0]
    tables["awards"] = [
        {**model, "award_id": f"A{i}", "firm_id": small_study.corporate_number(i)} for i in range(small_study.N_FIRMS)
    ]


def wrong_digit(rows: Rows) -> None:
    for row in rows[:8]:
        row["firm_id"] = str((int(row["firm_id"][0]) + 1) % 10) + row["firm_id"][1:]


SPOILT_DATA = {
    "missing column": (rows_of("firm_years", renamed("sales", "sale")), 3, "E_COLUMN", "did you mean 'sale'?"),
    "no treated firm": (rows_of("awards", every("programme", "P2")), 4, "E_NO_TREATED", ""),
    "no control": (all_treated, 4, "E_NO_CONTROL", ""),
    "duplicate firm-year": (
        rows_of("firm_years", lambda rows: rows.append({**rows[5], "sales": "1"})), 3, "E_PANEL_DUP", "firm_years",
    ),
    "money that is no number": (rows_of("firm_years", every("sales", "1e3", 50)), 3, "E_QUARANTINE_LIMIT", "E_NUMBER"),
    "wrong check digit": (rows_of("awards", wrong_digit), 3, "E_QUARANTINE_LIMIT", "E_CHECK_DIGIT"),
    "award after the data end": (
        rows_of("awards", every("交付決定日", "2021-06-01", 1)), 3, "E_AWARD_AFTER_END", "after_end",
    ),
}  # fmt: skip


Answer = tuple[int, str, str]


def added(study: Path, cli, answer: Answer) -> set[str]:
    """Run a spoilt study, expect the answer, and return what is new in its folder; nothing that was there changes."""
    exit_code, code, words = answer
    home = study.parent
    before = small_study.tree(home)
    told = cli("run", study, "--out", home / "out", "--root", home)
    assert told.code == exit_code, told.err
    assert f"[{code}]" in told.err
    assert words in told.err
    assert "Traceback" not in told.err
    after = small_study.tree(home)
    assert {name: after[name] for name in before} == before
    return set(after) - set(before)


@pytest.mark.parametrize("case", SPOILT_DATA)
def test_spoilt_data(case: str, tmp_path: Path, cli) -> None:
    """Nothing is written, but for the list of rows when too many were set aside."""
    spoil, *answer = SPOILT_DATA[case]
    new = added(small_study.write(tmp_path, spoil), cli, tuple(answer))
    listed = {n for n in new if n.startswith("out/small/restricted/rejected/")}
    assert new - listed == (LIST_OF_REJECTED if listed else set())
    assert bool(listed) == (answer[1] == "E_QUARANTINE_LIMIT")


SPOILT_STUDY = {
    "missing file": (("data/firms.csv", "data/firm.csv"), 3, "E_NO_FILE", "did you mean 'firms.csv'?"),
    "unknown method": (('"group_time"', '"group_tim"'), 2, "E_UNKNOWN_NAME", "did you mean 'group_time'?"),
    "unknown option": (('"group_time"', '"group_time"\ncompare = "x"'), 2, "E_UNKNOWN_NAME", "comparison"),
    "impossible option": (('"group_time"', '"group_time"\ncomparison = "x"'), 2, "E_OPTION", "never_treated"),
    "unknown key": (("[[outcome]]", "[[outcom]]"), 2, "E_SPEC_UNKNOWN", "did you mean 'outcome'?"),
    "path outside the root": (("data/firms.csv", "../firms.csv"), 3, "E_PATH", ""),
    "not TOML": (("format = 1", "format 1"), 2, "E_SPEC_SYNTAX", ""),
    "another format": (("format = 1", "format = 2"), 2, "E_FORMAT_VERSION", ""),
}


@pytest.mark.parametrize("case", SPOILT_STUDY)
def test_spoilt_study(case: str, tmp_path: Path, cli) -> None:
    (old, new), *answer = SPOILT_STUDY[case]
    study = small_study.write(tmp_path, study=lambda text: text.replace(old, new))
    assert added(study, cli, tuple(answer)) == set()


def test_all_problems_of_a_study_are_told_at_once(tmp_path: Path, cli) -> None:
    study = small_study.write(
        tmp_path, study=lambda text: text.replace('"group_time"', '"group_tim"').replace("seed = 7", 'seed = "x"')
    )
    answer = cli("validate", study)
    assert answer.code == 2
    assert "group_tim" in answer.err
    assert "seed" in answer.err


def test_messages_never_hold_a_firms_id_or_amount(tmp_path: Path, cli) -> None:
    secret = "987654321"
    study = small_study.write(tmp_path, rows_of("firm_years", every("sales", f"{secret}x", 50)))
    answer = cli("run", study, "--out", tmp_path / "out", "--root", tmp_path)
    assert answer.code == 3
    assert secret not in answer.err
    assert small_study.corporate_number(0) not in answer.err
