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


def entries() -> list[dict[str, Any]]:
    """Return what an index holds of five studies: current, held (after one accepted), late, failed, without edition."""

    def edition(date: str, previous: str | None = None) -> dict[str, Any]:
        moved = {
            "id": "m.overall.sales", "outcome": {"en": "Sales", "ja": "売上高"}, "standard_errors": -0.44,
            "method": {"en": "Group-time effects", "ja": "グループタイム推定"},
            "before": {"en": "19.6%", "ja": "19.6%"}, "after": None,
        }  # fmt: skip
        return {
            "date": date, "grade": {"sms": 2, "proposed": 3, "oecd": 5}, "kind": "draft", "plan": "locked",
            "headline": {"en": "Sales: higher by 19.6%.", "ja": "売上高：19.6%高かった。"},
            "status": {"en": ["DRAFT"], "ja": ["草案"]}, "moved": [moved] if previous else [],
            "previous": {"date": previous, "sha256": "ab" * 32} if previous else None,
        }  # fmt: skip

    def entry(name: str, status: str, **more: Any) -> dict[str, Any]:
        shown = more.pop("shown", None)
        reports = [
            {"language": language, "format": kind, "path": f"editions/{name}/report.{language}.{kind}"}
            for language in ("en", "ja") for kind in ("docx", "html", "pdf")
        ]  # fmt: skip
        decision = more.pop("decision", {"status": "published", "reasons": []})
        listed = [{"date": "2026-01-15", "decision": decision, "reports": reports}] if shown else []
        return {
            "id": name, "title": {"en": f"Effect of {name}", "ja": f"{name}の効果"}, "status": status,
            "edition": shown, "editions": listed, "held": None, "late": [], "errors": [], **more,
        }  # fmt: skip

    accepted = {"status": "accepted", "names": ["山田花子"], "reason": "Checked", "time": "2026-02-20T00:00:00Z"}
    late = [
        {"source": "firm_years", "newest": "2025-01", "since": "2026-02-01"},
        {"source": "awards", "newest": "", "since": "2026-02-03"},
    ]  # fmt: skip
    return [
        entry("equipment", "current", shown=edition("2026-01-15", "2025-01-15")),
        entry("vouchers", "held", shown=edition("2026-01-15"), held="2026-04-15", decision=accepted),
        entry("exports", "late", shown=edition("2026-01-15"), late=late),
        entry("training", "failed", shown=edition("2026-01-15"), errors=[{"code": "E_SEALED", "exit_code": 4}]),
        entry("loans", "failed", errors=[{"code": "E_NO_CONTROL", "exit_code": 4}]),
    ]
