"""`evalkit layouts`, `layouts show` and `layouts infer`."""

import json
import tomllib

import pytest
from click.testing import CliRunner

from evalkit.cli import commands
from evalkit.errors import DataError, UnknownNameError
from evalkit.etl import layouts


def run(*words):
    return CliRunner().invoke(commands, ["layouts", *words], catch_exceptions=False).output


def test_all_layouts_are_listed_with_role_and_sentence():
    lines = run().splitlines()
    assert [line.split()[0] for line in lines] == layouts.names()
    assert [one["name"] for one in json.loads(run("--json"))["layouts"]] == layouts.names()


def test_one_is_shown_as_it_is():
    assert (
        layouts.parse("x", tomllib.loads(run("show", "grant-decisions"))).fields
        == layouts.load("grant-decisions").fields
    )
    assert json.loads(run("show", "deflators", "--json"))["toml"] == layouts.text("deflators")
    with pytest.raises(UnknownNameError):
        run("show", "deflator")


def test_a_file_is_proposed_a_layout(tmp_path):
    (tmp_path / "a.csv").write_text("年度,産業,指数\n2019,CANARY,100\n")
    assert json.loads(run("infer", str(tmp_path / "a.csv"), "--json"))["layout"] == "deflators"
    text = run("infer", str(tmp_path / "a.csv"))
    assert "CANARY" not in text
    assert layouts.parse("x", tomllib.loads(text)).fields
    with pytest.raises(DataError):
        run("infer", str(tmp_path / "b.csv"))
