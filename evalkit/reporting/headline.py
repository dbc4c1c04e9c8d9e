"""The main finding as plain text, in the words of the report."""

from evalkit.model.evaluation import Release
from evalkit.reporting.page import Page
from evalkit.reporting.sections import summary
from evalkit.reporting.words import words_of


def headline(release: Release, language: str = "en") -> str:
    """Say the effect on the primary outcome in one line, bound to its interval as in the report.

    Parameters
    ----------
    release : Release
        All that may be published.
    language : {"en", "ja"}
        Of the words.
    """
    page = Page(release, words_of(release.study, language), {})
    main = summary.headline(page)
    if main is None:
        return page.words["summary.unknown"].format(outcome=page.words.outcome(release.study.primary))
    said = page.say("page.sentences", first=main["text"], second=main["also"]) if main["also"] else main["text"]
    return str(said.striptags())
