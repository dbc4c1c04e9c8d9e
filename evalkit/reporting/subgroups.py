"""Which effects are told for groups of firms, and which of them were planned."""

from collections.abc import Iterator

from evalkit.model.evaluation import Release, Row
from evalkit.model.plan import status_of
from evalkit.reporting.points import estimates

FIELD = "study.plan.subgroups"
"""The field of a plan that names subgroups."""


def subgroup_rows(release: Release) -> Iterator[tuple[str, Row]]:
    """Yield every effect that is told for one group, with the name of its estimate."""
    for name in estimates(release):
        for row in release.tables.get(f"effects/{name}/group", []):
            yield name, row


def is_planned(release: Release, estimate: str, label: str) -> bool:
    """Say whether a group was named in advance: in the study, or in its lock where there is one from before data."""
    if release.plan is not None and (
        status_of(release.plan) != "locked" or any(d.field.startswith(FIELD) for d in release.plan.deviations)
    ):
        return False
    return bool({estimate, label} & set(release.study.plan.subgroups))


def planned_but_absent(release: Release) -> list[str]:
    """Return planned groups for which no effect is told."""
    told = {name for estimate, row in subgroup_rows(release) for name in (estimate, row.labels["group"])}
    return [name for name in release.study.plan.subgroups if name not in told]
