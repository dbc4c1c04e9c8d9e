"""The index of a site: all studies with their last good edition, what moved, and links to every report."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from evalkit.reporting.page import Cell, Column, Table, environment
from evalkit.reporting.words import LANGUAGES, Words, words

BADGES = {"current": "pass", "held": "warn", "late": "warn", "failed": "fail"}
"""How the report's own badges show what is the case with a study."""
Entry = Mapping[str, Any]


def index_page(entries: Sequence[Entry], language: str) -> str:
    """Return the index in one language as one page that needs nothing else.

    Parameters
    ----------
    entries : list of dict
        "studies" of `index.json`.
    language : {"en", "ja"}
        Of the page.
    """
    own = words(language)
    latest = max((e["edition"]["date"] for e in entries if e["edition"]), default=own["page.unknown"])
    return environment().get_template("index.html.j2").render(
        words=own, other=words(next(name for name in LANGUAGES if name != language)), latest=latest,
        overview=_overview(entries, own), studies=[_study(entry, own) for entry in entries],
    )  # fmt: skip


def moved_too_far(
    rule: str, standard_errors: float | None, most: float, effect: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Say in both languages why an edition is held.

    Parameters
    ----------
    rule : {"sign", "moved", "unknown"}
        The rule that holds it.
    standard_errors : float or None
        By how many standard errors the effect moved.
    most : float
        By how many it may move.
    effect : dict
        "outcome" and "method" of the effect, by language.
    """
    return {
        language: words(language)[f"index.rule.{rule}"].format(
            outcome=effect["outcome"][language], method=effect["method"][language], most=most,
            distance=_distance(standard_errors, words(language)),
        )
        for language in LANGUAGES
    }  # fmt: skip


def _overview(entries: Sequence[Entry], own: Words) -> Table:
    keys = ("study", "state", "grade", "edition")
    columns = [Column(own[f"index.{key}"], is_number=False) for key in keys]
    rows = [
        [
            Markup('<a href="#{}">{}</a>').format(entry["id"], entry["title"][own.language]), _badge(entry, own),
            _grade(entry["edition"], own), entry["edition"]["date"] if entry["edition"] else own["page.unknown"],
        ]
        for entry in entries
    ]  # fmt: skip
    return Table(own["index.overview"], columns, rows)


def _study(entry: Entry, own: Words) -> dict[str, Any]:
    edition = entry["edition"]
    return {
        "id": entry["id"], "title": entry["title"][own.language], "badge": _badge(entry, own),
        "news": _news(entry, own), "status": edition["status"][own.language] if edition else [],
        "headline": edition["headline"][own.language] if edition else own["index.no_edition"],
        "facts": _facts(edition, own) if edition else [],
        "moved": _moved(edition, own) if edition and edition["moved"] else None,
        "unmoved": own["index.not_moved" if edition["previous"] else "index.first"] if edition else "",
        "editions": _editions(entry, own),
    }  # fmt: skip


def _news(entry: Entry, own: Words) -> list[str]:
    """Say what is the case beside the last good edition."""
    late = [
        own["index.late" if one["newest"] else "index.missing"].format(
            source=own[f"data.{one['source']}"], since=one["since"], newest=one["newest"]
        )
        for one in entry["late"]
    ]
    failed = own["index.failed"].format(codes=own["page.list"].join(one["code"] for one in entry["errors"]))
    held = own["index.held"].format(date=entry["held"])
    kept = [own["index.kept"]] if entry["edition"] and (late or entry["errors"]) else []
    return [*([held] if entry["held"] else []), *late, *([failed] if entry["errors"] else []), *kept]


def _facts(edition: Mapping[str, Any], own: Words) -> list[tuple[str, Cell]]:
    return [
        (own["index.edition"], edition["date"]),
        (own["index.grade"], _grade(edition, own)),
        (own["index.kind"], own[f"status.{edition['kind']}"]),
    ]


def _moved(edition: Mapping[str, Any], own: Words) -> Table:
    titles = [
        own["index.outcome"], own["index.method"], edition["previous"]["date"], edition["date"], own["index.distance"],
    ]  # fmt: skip
    columns = [Column(title, is_number=False) for title in titles]
    rows = [
        [
            row["outcome"][own.language], row["method"][own.language],
            *(row[side][own.language] if row[side] else own["page.unknown"] for side in ("before", "after")),
            _distance(row["standard_errors"], own),
        ]
        for row in edition["moved"]
    ]  # fmt: skip
    return Table(own["index.moved"], columns, rows)


def _editions(entry: Entry, own: Words) -> Table | None:
    columns = [Column(own[f"index.{key}"], is_number=False) for key in ("date", "reports", "decision")]
    rows = [
        [edition["date"], _links(edition["reports"], own), _decision(edition["decision"], own)]
        for edition in entry["editions"]
    ]
    return Table(own["index.editions"], columns, rows) if rows else None


def _links(reports: Sequence[Mapping[str, str]], own: Words) -> Markup:
    links = (
        Markup('<a href="{}">{}</a>').format(
            one["path"], own["page.with_kind"].format(text=own[f"index.{one['language']}"], kind=one["format"].upper())
        )
        for one in sorted(reports, key=lambda one: (one["language"] != own.language, one["format"] != "html"))
    )
    return escape(own["page.list"]).join(links)


def _decision(decision: Mapping[str, Any], own: Words) -> str:
    if decision["status"] != "accepted":
        return own["index.published"]
    names = own["page.list"].join(decision["names"])
    return own["index.accepted"].format(names=names, date=decision["time"][:10], reason=decision["reason"])


def _grade(edition: Mapping[str, Any] | None, own: Words) -> str:
    return own["index.level"].format(**edition["grade"]) if edition else own["page.unknown"]


def _badge(entry: Entry, own: Words) -> Markup:
    kind = BADGES[entry["status"]]
    return Markup('<span class="badge {}">{}</span>').format(kind, own[f"index.is_{entry['status']}"])


def _distance(standard_errors: float | None, own: Words) -> str:
    return own["page.unknown"] if standard_errors is None else f"{abs(standard_errors):.1f}"
