"""What was hidden, and by which rules."""

from markupsafe import Markup

from evalkit.reporting.page import Page


def render(page: Page) -> Markup:
    """Render the section."""
    is_open = page.release.study.disclosure.profile == "open"
    lead = page.say("disclosure.open" if is_open else "disclosure.lead", threshold=page.number("study.threshold"))
    hidden = page.say("disclosure.hidden", hidden=page.number("disclosure.hidden"))
    return page.fill("disclosure.html.j2", lead=lead, hidden=hidden)
