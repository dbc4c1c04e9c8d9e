"""The terms of the report."""

from markupsafe import Markup

from evalkit.reporting.page import Page


def render(page: Page) -> Markup:
    """Render the section."""
    words = page.words
    terms = [(words[f"glossary.{key}.term"], words[f"glossary.{key}.text"]) for key in words.keys("glossary")]
    return page.fill("glossary.html.j2", terms=terms)
