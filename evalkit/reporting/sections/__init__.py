"""The report's sections, one file each: `render(page)` returns HTML from a release, and sees nothing else."""

ORDER = (
    "summary", "question", "plan", "flow", "balance", "results", "event_study", "cohorts", "checks", "methods",
    "disclosure", "provenance", "glossary",
)  # fmt: skip
"""All sections in the order of the report; each is the module of that name."""
