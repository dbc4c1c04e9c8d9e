"""What was hidden, by which rules, and that it cannot be worked out."""

from markupsafe import Markup

from evalkit.reporting.disclosure.profiles import profile_of
from evalkit.reporting.page import Page


def render(page: Page) -> Markup:
    """Render the section."""
    profile = profile_of(page.release.study.disclosure)
    lead = page.say("disclosure.open" if profile.name == "open" else "disclosure.lead", threshold=_threshold(page))
    said = [
        page.say("disclosure.profile", profile=page.number("disclosure.profile"), threshold=_threshold(page)),
        page.say("disclosure.hidden", hidden=page.number("disclosure.hidden")),
        page.say(
            "disclosure.audit", **{k: page.number(f"disclosure.{k}") for k in ("cells", "secondary", "recovered")}
        ),
        page.say("disclosure.changed", changed=page.number("disclosure.changed")),
        page.say("disclosure.review", review=page.number("disclosure.review")),
    ]
    if profile.rounding != "none":
        said.append(Markup("{}").format(page.words[f"disclosure.rounding.{profile.rounding}"]))
    return page.fill("disclosure.html.j2", lead=lead, said=said)


def _threshold(page: Page) -> Markup:
    return page.number("study.threshold")
