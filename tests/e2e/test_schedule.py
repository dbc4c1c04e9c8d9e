"""The ready-made schedule files: each is what its program reads, and runs `evalkit publish` with options it knows."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.cli.publish import command

FOLDER = Path(__file__).resolve().parents[2] / "pipelines" / "schedule"
NAMES = (
    "evalkit-publish.cron", "evalkit-publish.service", "evalkit-publish.timer", "github-actions.yml", "gitlab-ci.yml",
)  # fmt: skip
FIELD = r"(\*|\d+(-\d+)?)"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def calls(text: str) -> list[list[str]]:
    """Return the arguments of every `evalkit publish` in a file, comments left out."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found = (re.search(r"evalkit publish (.*?)(>>|\|\||$)", line) for line in lines)
    return [shlex.split(match[1]) for match in found if match]


def test_these_are_all() -> None:
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".timer")])
def test_the_command_takes_these_options(name: str) -> None:
    (arguments,) = calls((FOLDER / name).read_text(encoding="utf-8"))
    known = {option for parameter in command.params for option in parameter.opts}
    assert arguments[0] == "pipelines"
    assert {"--out", "--runs"} <= {a for a in arguments if a.startswith("-")} <= known


def test_the_cron_line_has_five_times_a_user_and_a_command() -> None:
    lines = [x for x in (FOLDER / NAMES[0]).read_text("utf-8").splitlines() if x and not x.startswith("#")]
    assert lines[0] == "SHELL=/bin/sh"
    (line,) = lines[1:]
    *times, user, rest = line.split(maxsplit=6)
    for text, (low, high) in zip(times, RANGES, strict=True):
        assert re.fullmatch(FIELD, text)
        assert all(low <= int(n) <= high for n in re.findall(r"\d+", text))
    assert (user, rest.split()[0]) == ("evalkit", "cd")
    assert "%" not in rest, "cron reads % as the end of a line"


@pytest.mark.parametrize("name", ["evalkit-publish.service", "evalkit-publish.timer"])
def test_systemd_reads_its_units_without_a_word(name: str, tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not on this machine")
    for unit in FOLDER.glob("evalkit-publish.[st]*"):
        text = unit.read_text("utf-8").replace("/srv/evalkit/.venv/bin/evalkit", sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    found = subprocess.run([tool, "verify", "--man=no", tmp_path / name], capture_output=True, text=True)
    own = [line for line in found.stderr.splitlines() if "evalkit-publish" in line]
    assert (found.returncode, own) == (0, [])


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_workflows_are_yaml_with_a_job_that_publishes(name: str) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    whole = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    if name == "gitlab-ci.yml":
        assert whole["publish"]["allow_failure"]["exit_codes"] == [9, 10]
        return
    job = whole["jobs"]["publish"]
    assert "self-hosted" in job["runs-on"]
    shell = subprocess.run(["bash", "-n"], input=job["steps"][1]["run"], capture_output=True, text=True)
    assert (shell.returncode, shell.stderr) == (0, "")
    assert len(whole[True]["schedule"][0]["cron"].split()) == 5  # YAML 1.1 reads the key `on` as true


@pytest.mark.parametrize(("code", "ends", "says"), [(0, 0, ""), (3, 3, ""), (9, 0, "held"), (10, 0, "late")])
def test_the_workflow_fails_on_failures_only(code: int, ends: int, says: str) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    step = yaml.safe_load((FOLDER / "github-actions.yml").read_text("utf-8"))["jobs"]["publish"]["steps"][1]["run"]
    script = f"evalkit() {{ return {code}; }}\n{step}"
    found = subprocess.run(["bash", "-e"], input=script, capture_output=True, text=True)
    assert found.returncode == ends
    assert ("::warning::" in found.stdout, says in found.stdout) == (bool(says), True)
