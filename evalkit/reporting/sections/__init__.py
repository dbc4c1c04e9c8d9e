"""The report's sections, one file each: `render(page)` returns HTML from a release, and sees nothing else."""

ORDER = (
    "summary", "status", "programme", "question", "plan", "data", "flow", "units", "estimand", "balance", "results",
    "event_study", "cohorts", "robustness", "subgroups", "cost", "limits", "checks", "methods", "disclosure",
    "provenance", "signoff", "glossary",
)  # fmt: skip
"""All sections in the order of the report; each is the module of that name."""
