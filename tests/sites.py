"""Small studies below `pipelines/`, as a site is made of, and ways to publish them; for tests only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small_study
from evalkit.cli import commands
from small_study import Rows

PUBLISH = "\n[publish]\nmax_age_days = { firm_years = 100 }\n"
LINE = 'path = "data/firm_years.csv"\n'


def write(
    home: Path,
    name: str = "small",
    vintage: str = "2026-01-10",
    spoil: Callable[[dict[str, Rows]], None] = lambda _: None,
) -> Path:
    """Write a study with its data below `home/pipelines/<name>`; return the folder of all studies."""

    def study(text: str) -> str:
        text = text.replace('id = "small"', f'id = "{name}"').replace(LINE, f'{LINE}vintage = "{vintage}"\n')
        return text.replace('"data/', f'"pipelines/{name}/data/') + PUBLISH

    small_study.write(home / "pipelines" / name, spoil, study)
    return home / "pipelines"


def times(factor: float) -> Callable[[dict[str, Rows]], None]:
    """Multiply sales of supported firms from 2018 on."""

    def spoil(tables: dict[str, Rows]) -> None:
        supported = {row["firm_id"] for row in tables["awards"]}
        for row in tables["firm_years"]:
            if row["firm_id"] in supported and row["fiscal_year"] >= "2018":
                row["sales"] = str(round(int(row["sales"]) * factor))

    return spoil


def with_an_edition(home: Path) -> Path:
    """Write the study and publish its first edition, without the fixture `cli`; return `home`."""
    arguments = [write(home), *places(home), "--date", "2026-01-15"]
    assert commands.main(["publish", *map(str, arguments)], standalone_mode=False) == 0
    return home


def publish(cli: Callable[..., Any], home: Path, day: str, *more: str) -> Any:
    """Publish all studies below `home` on a day."""
    return cli("publish", home / "pipelines", *places(home), "--date", day, *more)


def accept(cli: Callable[..., Any], home: Path, day: str, *more: str, study: str = "small") -> Any:
    """Accept the edition of a study that is held."""
    said = ("--by", "山田花子", "--reason", "Checked against the register")
    return cli("publish", "--accept", study, *said, *places(home), "--date", day, *more)


def places(home: Path) -> tuple[object, ...]:
    """Return the options that say where a site and its runs are."""
    return "--out", home / "site", "--runs", home / "runs"


def index(home: Path) -> dict[str, Any]:
    """Return the entries of the index by study."""
    return {e["id"]: e for e in json.loads((home / "site/index.json").read_text(encoding="utf-8"))["studies"]}


def edition(home: Path, date: str, study: str = "small", kind: str = "editions") -> dict[str, Any]:
    """Return what an edition's `edition.json` says."""
    return dict(json.loads((home / "site" / kind / study / date / "edition.json").read_text(encoding="utf-8")))
