"""A PostgreSQL server of our own for tests: its own folder, reached by a socket in it, stopped by its own pid."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "s3cret-of-the-test"
OWNER, READER = "owner", "reader"


def programs() -> Path:
    """Return the folder of initdb and pg_ctl; without them skip, or fail where CI promises them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        word = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(word)
        pytest.skip(word)
    return found[-1].parent


@contextlib.contextmanager
def server() -> Iterator[Path]:
    """Run a server as a user without rights; give the folder of its socket."""
    home = programs()
    as_user: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="evalkit-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)

    def call(program: str, *arguments: str) -> None:
        command = [*as_user, str(home / program), "-D", str(folder / "data"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        rights = ["-A", "scram-sha-256", "-U", OWNER, "--pwfile", str(password)]
        call("initdb", *rights, "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        call("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            yield folder
        finally:
            call("pg_ctl", "stop", "-w", "-m", "fast")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url(folder: Path, user: str = READER, password: str = PASSWORD) -> str:
    """Return the connection URL of a user."""
    return f"postgresql://{user}:{password}@/postgres?host={folder}"


def execute(folder: Path, *commands: str) -> None:
    """Run commands as the owner, all or none."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url(folder, OWNER)) as connection, connection.cursor() as cursor:
        for command in commands:
            cursor.execute(command)
        connection.commit()
