"""The command line outside of a run: help, usage, errors, methods, init and validate."""

import json
from pathlib import Path

import click
import pytest

import small_study
from evalkit import methods
from evalkit.cli import COMMANDS
from evalkit.cli.failures import exit_with
from evalkit.errors import DataError, DesignError, ManyErrors


def failing(error: BaseException) -> click.Command:
    @click.command()
    @click.option("--json", is_flag=True)
    @click.option("--debug", is_flag=True)
    def command(**_: bool) -> None:
        raise error

    return command


def test_help_lists_the_commands_in_working_order(cli) -> None:
    answer = cli("--help")
    assert answer.code == 0
    listed = [line.split()[0] for line in answer.out.split("Commands:")[1].splitlines() if line.startswith("  ")]
    assert [word for word in listed if word in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, cli) -> None:
    answer = cli(name, "--help")
    assert answer.code == 0
    assert "--json" in answer.out


@pytest.mark.parametrize(
    "arguments", [["biuld"], ["run"], ["run", "x", "--thread", "2"], ["run", "x", "--threads", "0"]]
)
def test_wrong_usage_exits_2(arguments: list[str], cli) -> None:
    answer = cli(*arguments)
    assert answer.code == 2
    assert "E_USAGE" in answer.err
    assert answer.out == ""


def test_version(cli) -> None:
    assert cli("--version").out.startswith("evalkit, version")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DataError("bad row", where="a.csv", hint="mend it", code="E_X"), 3, "a.csv: bad row [E_X]\n  Hint: mend it"),
        (ManyErrors("two", [DesignError("one"), DataError("two")]), 4, "one [E_DESIGN]\ntwo [E_DATA]"),
        (ValueError("secret 123"), 1, "unexpected ValueError [E_INTERNAL]"),
        (MemoryError(), 7, "memory ran out [E_MEMORY]"),
        (PermissionError(13, "Permission denied", "out"), 7, "out: Permission denied [E_FILE]"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_are_told_without_a_traceback(error, code: int, words: str, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        exit_with(failing(error), [])
    printed = capsys.readouterr()
    assert stopped.value.code == code
    assert words in printed.err
    assert "Traceback" not in printed.err
    assert "secret" not in printed.err
    assert printed.out == ""


def test_json_errors_go_to_standard_output(capsys) -> None:
    error = ManyErrors("two", [DataError("bad row", where="a.csv"), DesignError("no control")])
    error.add_note("listed in x")
    with pytest.raises(SystemExit) as stopped:
        exit_with(failing(error), ["--json"])
    told = json.loads(capsys.readouterr().out)
    assert stopped.value.code == 3
    assert [e["problem"] for e in told["error"]] == ["bad row", "no control"]
    assert told["error"][0] == DataError("bad row", where="a.csv").to_dict()
    assert told["notes"] == ["listed in x"]


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(DataError):
        exit_with(failing(DataError("x")), ["--debug"])


def test_methods_lists_every_method_of_every_kind(cli) -> None:
    told = json.loads(cli("methods", "--json").out)["methods"]
    assert [(m["kind"], m["name"]) for m in told] == [(k, n) for k in methods.KINDS for n in methods.names(k)]


def test_one_method_with_its_options_and_reference(cli) -> None:
    out = cli("methods", "estimation", "group_time").out
    for words in ("comparison", "default never_treated", "Callaway and Sant'Anna (2021)"):
        assert words in out


@pytest.mark.parametrize(
    ("arguments", "near"), [(["estimaton"], "estimation"), (["estimation", "group_tme"], "group_time")]
)
def test_unknown_method_or_kind_names_the_nearest(arguments: list[str], near: str, cli) -> None:
    answer = cli("methods", *arguments)
    assert answer.code == 2
    assert f"did you mean '{near}'" in answer.err


def test_init_writes_a_study_that_is_valid_and_never_overwrites(tmp_path: Path, cli) -> None:
    assert cli("init", tmp_path / "new").code == 0
    study = tmp_path / "new" / "study.toml"
    assert cli("validate", study).code == 0
    before = study.read_bytes()
    answer = cli("init", tmp_path / "new")
    assert answer.code == 2
    assert "E_EXISTS" in answer.err
    assert study.read_bytes() == before


def test_init_names_the_nearest_example(tmp_path: Path, cli) -> None:
    answer = cli("init", tmp_path, "--example", "sme-dmo")
    assert answer.code == 2
    assert "did you mean 'sme-demo'?" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_validate_reads_no_data(tmp_path: Path, cli) -> None:
    study = small_study.write(tmp_path)
    (tmp_path / "data" / "awards.csv").unlink()
    answer = cli("validate", study, "--json")
    assert json.loads(answer.out) == {"study": "small", "outputs": [], "headline": None}
