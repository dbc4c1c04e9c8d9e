"""What may be wrong with the finding: the seven domains of bias with facts and judgements, and how far it carries."""

from markupsafe import Markup

from evalkit.model.plan import status_of
from evalkit.model.study_report import DOMAINS
from evalkit.reporting.page import Cell, Column, Page, Table
from evalkit.reporting.sections.checks import sentence
from evalkit.reporting.sections.programme import told

FACTS: dict[str, tuple[str, ...]] = {
    "confounding": ("balance", "overlap", "pretrends", "honest_did", "causal_graph", "comparison_groups"),
    "selection": ("covariate_path", "composition"),
    "classification": ("link_error",),
    "deviations": ("co_treatment", "contamination", "anticipation"),
    "missing_data": ("attrition",),
    "measurement": (),
    "reported_result": ("specification_curve", "estimator_agreement"),
}
"""Checks that speak to each domain."""


def render(page: Page) -> Markup:
    """Render the section."""
    words, study = page.words, page.release.study
    domains = [(words[f"limits.{domain}"], words[f"limits.{domain}_text"], _facts(page, domain)) for domain in DOMAINS]
    reach = [
        (words[f"limits.{key}"], told(page, getattr(study.limits, key)))
        for key in ("external_validity", "displacement")
    ]
    return page.fill(
        "limits.html.j2", table=_judgements(page), domains=domains, reach=reach,
        selection=by_selection(page),
    )  # fmt: skip


def by_selection(page: Page) -> str:
    """Say how firms came to be supported, and what that may do to the comparison."""
    return page.words[f"limits.by_{page.release.study.programme.selection or 'unknown'}"]


def _judgements(page: Page) -> Table:
    words = page.words
    columns = [Column(words[f"limits.{key}"], is_number=False) for key in ("domain", "risk", "direction", "why", "by")]
    return Table(words["limits.caption"], columns, [_judgement(page, domain) for domain in DOMAINS])


def _judgement(page: Page, domain: str) -> list[Cell]:
    words = page.words
    one = getattr(page.release.study.limits.bias, domain)
    if one is None:
        return [words[f"limits.{domain}"], words["limits.not_judged"], *[words["page.unknown"]] * 3]
    why = words.pick(one.why) or words["page.not_said"]
    return [words[f"limits.{domain}"], words[f"limits.risk_{one.risk}"], words[f"limits.{one.direction}"], why, one.by]


def _facts(page: Page, domain: str) -> list[Cell]:
    """Return what is known without any judgement: figures of this study, and what its checks say."""
    words, release = page.words, page.release
    facts = list(_figures(page, domain))
    for name, check in release.checks.items():
        if check.name in FACTS[domain]:
            verdict = words[f"checks.{check.verdict}"]
            title = words.method_title("checks", name)
            facts.append(page.say("page.check", title=title, verdict=verdict, text=sentence(page, name)))
    return facts or [words["limits.no_facts"]]


def _figures(page: Page, domain: str) -> list[Cell]:
    """Return the facts of a domain that are no check's."""
    plan = page.release.plan
    if domain == "classification" and "limits.linked" in page.release.numbers:
        return [page.say("limits.linked", share=page.number("limits.linked"))]
    if domain == "missing_data" and "limits.missing_treated" in page.release.numbers:
        groups = {group: page.number(f"limits.missing_{group}") for group in ("treated", "control")}
        return [page.say("limits.missing", outcome=page.words.outcome(page.release.study.primary), **groups)]
    if domain == "measurement":
        return [page.words["limits.same_source"]]
    if domain == "reported_result":
        status = page.words[f"limits.plan_{status_of(plan)}"]
        more = [page.say("limits.plan_hash", sha256=page.number("plan.lock_sha256"))] if plan else []
        return [status, *more, page.words["limits.all_outcomes"]]
    return []
