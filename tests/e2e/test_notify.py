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


def test_news_are_told_once_and_without_numbers_of_what_is_held(
    home: Path, cli, mailbox: Mailbox, monkeypatch, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("EVALKIT_NOTIFY", f" {mailbox.url}/second\n")
    sites.write(home, spoil=sites.times(0.5))
    answers = [sites.publish(cli, home, f"2026-02-{day}", "--notify", mailbox.url) for day in (15, 16)]
    assert [answer.code for answer in answers] == [9, 9]
    assert [(post["title"], post["message"].strip()) for post in mailbox.posted] == 2 * [
        ("evalkit publish", "small: edition 2026-02-15 held for review, edition 2026-01-15 stays")
    ]
    mailbox.posted.clear()
    answers.append(sites.accept(cli, home, "2026-02-17", "--notify", mailbox.url))
    assert answers[-1].code == 0
    headline = sites.index(home)["small"]["edition"]["headline"]["en"]
    assert [post["message"].split("\n") for post in mailbox.posted] == 2 * [
        ["small: edition 2026-02-15 accepted and published", f"  {headline}"]
    ]
    assert SECRET not in str(answers) + caplog.text
    assert not logging.root.manager.disable


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
