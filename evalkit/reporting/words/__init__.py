"""The report's words: `<part>.<language>.toml`, as many parts as there are; every key stands in both languages."""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, cast, get_args

from evalkit.model.study import Language, Outcome, Study

LANGUAGES: tuple[str, ...] = get_args(Language)
HIDDEN = "[X]"
"""What stands in place of a number that disclosure control hid."""


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """The words of one language, by dotted key.

    Parameters
    ----------
    language : {"en", "ja"}
        The language.
    entries : dict
        Nested tables as in the TOML files.
    labels : dict
        What a study calls units and categories of its data, by language.
    """

    language: Language
    entries: Mapping[str, Any]
    labels: Mapping[str, Mapping[Language, str]] = dataclasses.field(default_factory=dict)

    def __getitem__(self, key: str) -> str:
        """Return one text; a key that is not in the file is a defect and raises KeyError."""
        found = self._find(key)
        if not isinstance(found, str):
            raise KeyError(f"{self.language}: {key}")
        return found

    def get(self, key: str, fallback: str) -> str:
        """Return one text, or the fallback where names come from outside (steps, options, columns)."""
        found = self._find(key)
        return found if isinstance(found, str) else fallback

    def keys(self, prefix: str) -> list[str]:
        """Return the names below a table, in the order of the file."""
        found = self._find(prefix)
        return list(found) if isinstance(found, Mapping) else []

    def pick(self, texts: Mapping[str, str], fallback: str = "") -> str:
        """Return a study's text in this language, or in the other one where it has no other."""
        return next((texts[k] for k in (self.language, "en", *sorted(texts)) if k in texts), fallback)

    def outcome(self, outcome: Outcome) -> str:
        """Return an outcome's label: the study's in this language, ours, the study's in another, or its name.

        A negative control is called one wherever it is named.
        """
        label = self.column(outcome.name)
        if self.language in outcome.label or label == outcome.name:
            label = self.pick(outcome.label, outcome.name)
        return self["question.negative_control"].format(outcome=label) if outcome.negative_control else label

    def column(self, name: str) -> str:
        """Return a column's label; scales are spelled out from the short forms of covariates."""
        for affix, key in (("log_", "log"), ("asinh_", "asinh")):
            if name.startswith(affix):
                return self[f"scale_of.{key}"].format(column=self.column(name.removeprefix(affix)))
        if name.endswith("_growth"):
            return self["scale_of.growth"].format(column=self.column(name.removesuffix("_growth")))
        return self.get(f"columns.{name}", name)

    def label(self, text: str) -> str:
        """Return what the study calls a text of its data in this language, or the text."""
        return self.labels.get(text, {}).get(self.language, text)

    def unit(self, name: str) -> str:
        """Return a unit as it stands after a number: ours, or the study's, after a space unless it is Japanese."""
        own = self.label(name)
        return self.get(f"units.{name}", f" {own}" if own.isascii() and own else own)

    def method_title(self, kind: str, name: str) -> str:
        """Return a method's title; "group_time-2" is the second estimate by "group_time"."""
        method, number = re.fullmatch(r"(.+?)(?:-(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
        title = self.get(f"method.{kind}.{method}.title", method)
        return f"{title} ({number})" if number else title

    def _find(self, key: str) -> Any:  # noqa: ANN401
        found: Any = self.entries
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


@cache
def words(language: str) -> Words:
    """Read the words of a language from all its parts."""
    entries: dict[str, Any] = {}
    for path in sorted(resources.files(__name__).iterdir(), key=lambda path: path.name):
        if path.name.endswith(f".{language}.toml"):
            _merge(entries, tomllib.loads(path.read_text(encoding="utf-8")), path.name)
    return Words(cast("Language", language), entries)


def words_of(study: Study, language: str) -> Words:
    """Return the words of a language with what a study calls units and categories of its data."""
    return dataclasses.replace(words(language), labels=study.report.labels)


def _merge(entries: dict[str, Any], more: dict[str, Any], source: str) -> None:
    """Add one part's tables; a key that another part has is a defect and raises KeyError."""
    for key, value in more.items():
        if isinstance(value, dict):
            _merge(entries.setdefault(key, {}), value, f"{source}: {key}")
        elif key in entries:
            raise KeyError(f"{source}: {key} stands in two parts")
        else:
            entries[key] = value
