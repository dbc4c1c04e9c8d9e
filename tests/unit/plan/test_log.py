"""The log is a chain: no line can be changed, dropped from the middle, doubled or moved unseen."""

import hashlib
import json
from pathlib import Path

import pytest

from evalkit.errors import IntegrityError
from evalkit.plan.log import START, add_line, head, read_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "plan.log.jsonl"
    for number, event in enumerate(("lock", "open", "deviation"), start=1):
        add_line(path, event, f"2026-0{number}-01T00:00:00Z", names=["\u304b\u3099"])
    return path


def test_lines_carry_the_hash_of_the_line_before(log: Path) -> None:
    """Second way: hashes by hand, over the text of the line without its own."""
    before = START
    for text in log.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        assert line["previous"] == before
        bare = text.replace(f', "sha256": "{line["sha256"]}"', "")
        before = hashlib.sha256(bare.encode()).hexdigest()
        assert line["sha256"] == before
    assert head(read_log(log)) == before
    assert head([]) == START


def test_text_is_composed(log: Path) -> None:
    assert {line["names"][0] for line in read_log(log)} == {"\u304c"}


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == []


@pytest.mark.parametrize("spoil", [
    lambda lines: [lines[0], lines[2]], lambda lines: [lines[1], lines[2]], lambda lines: [lines[0], *lines],
    lambda lines: [lines[1], lines[0], lines[2]], lambda lines: [*lines, b"\n"], lambda lines: [*lines, b"{}\n"],
    lambda lines: [*lines, b"[1]\n"], lambda lines: [*lines[:2], lines[2][:-1]], lambda lines: [b" " + lines[0]],
    lambda lines: [lines[0].replace(b"2026", b"2025")],
])  # fmt: skip
def test_damage_is_seen(log: Path, spoil) -> None:
    log.write_bytes(b"".join(spoil(log.read_bytes().splitlines(keepends=True))))
    with pytest.raises(IntegrityError) as refused:
        read_log(log)
    assert refused.value.code == "E_LOG"
    assert refused.value.where.startswith("plan.log.jsonl:")


def test_the_clock_may_stand_still_and_not_go_back(log: Path) -> None:
    before = log.read_bytes()
    with pytest.raises(IntegrityError) as refused:
        add_line(log, "open", "2026-02-28T23:59:59Z")
    assert refused.value.code == "E_CLOCK"
    assert log.read_bytes() == before
    add_line(log, "open", "2026-03-01T00:00:00Z")
    assert len(read_log(log)) == 4
