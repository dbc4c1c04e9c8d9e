"""A study as an analyst wants to see it first: what is asked of whom, and with which methods."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.model.study import Study


def study_html(study: "Study") -> str:
    """Return the question and the methods of a study as HTML."""
    title = next((study.title[k] for k in ("en", *study.title) if k in study.title), "")
    lines = {
        "programme": study.treatment.programme,
        "period": (f"{study.period.first} to {study.period.last}",),
        "outcomes": [f"{o.name} ({o.transform})" for o in study.outcome],
        "match": (study.match.method,),
        "estimates": [spec.method for spec in study.estimate],
        "checks": [spec.method for spec in study.check],
    }
    told = "".join(f"<li>{key}: {escape(', '.join(names)) or 'none'}</li>" for key, names in lines.items())
    return f"<p><b>Study</b> ({study.id}): {escape(title)}</p><ul>{told}</ul>"
