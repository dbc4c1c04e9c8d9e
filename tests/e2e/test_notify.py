"""Word of an edition to an address on this machine: what it says, and that nobody learns the address."""

import http.server
import importlib.util
import json
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import sites

pytest.importorskip("apprise", reason="apprise is not installed")
SECRET = "token-7f3a"


class Mailbox(http.server.HTTPServer):
    """Keeps what is posted to it, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[dict[str, str]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Mailbox

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def home(first_site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_site, tmp_path / "home"))


def test_the_message_says_what_the_index_says(home: Path, cli, mailbox: Mailbox, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    sites.write(home, spoil=sites.times(1.01))
    monkeypatch.setenv("EVALKIT_NOTIFY", f"{mailbox.url}/second")
    answer = sites.publish(cli, home, "2026-02-15", "--notify", mailbox.url)
    assert answer.code == 0, answer.err
    assert len(mailbox.posted) == 2
    assert mailbox.posted[0]["title"] == "evalkit publish"
    headline = sites.index(home)["small"]["edition"]["headline"]["en"]
    assert mailbox.posted[0]["message"].split("\n") == ["small: new edition 2026-02-15", f"  {headline}"]
    assert SECRET not in answer.out + answer.err + caplog.text
    assert not logging.getLogger("apprise").disabled

    assert sites.publish(cli, home, "2026-02-16", "--notify", mailbox.url).code == 0
    assert len(mailbox.posted) == 2, "nothing is sent when nothing happened"


def test_a_held_edition_is_told_without_its_numbers_and_once(home: Path, cli, mailbox: Mailbox) -> None:
    sites.write(home, spoil=sites.times(0.5))
    for day in ("2026-02-15", "2026-02-16"):
        assert sites.publish(cli, home, day, "--notify", mailbox.url).code == 9
    assert [post["message"].strip() for post in mailbox.posted] == [
        "small: edition 2026-02-15 held for review, edition 2026-01-15 stays"
    ]


def test_a_failing_notification_is_told_and_changes_no_exit_code(home: Path, cli, mailbox: Mailbox, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    mailbox.status = 500
    (home / "pipelines/small/data/awards.csv").unlink()
    unknown = f"nosuch://{SECRET}"
    answer = sites.publish(cli, home, "2026-02-15", "--notify", mailbox.url, "--notify", unknown)
    assert answer.code == 10
    assert answer.err.splitlines() == [f"notification {n} of 2 could not be sent" for n in (1, 2)]
    assert SECRET not in answer.out + answer.err + caplog.text


def test_without_the_extra_nothing_is_run(home: Path, cli, monkeypatch) -> None:
    usual = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "apprise" else usual(name, *a))
    before = sorted(home.rglob("*"))
    answer = sites.publish(cli, home, "2026-02-15", "--notify", f"json://{SECRET}")
    assert (answer.code, "E_EXTRA" in answer.err, "evalkit[notify]" in answer.err) == (2, True, True)
    assert SECRET not in answer.out + answer.err
    assert sorted(home.rglob("*")) == before
