"""What the report's sections need beside effects and checks: data, families of outcomes, limits, cost and subgroups."""

from evalkit.model.evaluation import Evaluation, Number, Row
from evalkit.reporting.disclosure.ledger import Ledger, named
from evalkit.reporting.release_cost import release_cost
from evalkit.reporting.release_data import release_data
from evalkit.reporting.release_families import release_families
from evalkit.reporting.release_limits import release_limits


def release_programme(ledger: Ledger, evaluation: Evaluation) -> dict[str, list[Row]]:
    """Release the numbers of the sections on data, units, results, limits and cost.

    Parameters
    ----------
    ledger : Ledger
        Gets the numbers; what the flow conceals it must know already.
    evaluation : Evaluation
        All that was found.

    Returns
    -------
    dict of name to list of Row
        "data/files", "data/rules", "data/links", "families/<estimate>", "cost".
    """
    _put_units(ledger, evaluation)
    release_limits(ledger, evaluation)
    tables = release_data(ledger, evaluation)
    for name, effects in named(evaluation.effects):
        tables[f"families/{name}"] = release_families(ledger, name, effects)
    return {**tables, "cost": release_cost(ledger, evaluation)}


def _put_units(ledger: Ledger, evaluation: Evaluation) -> None:
    """Write down the settings that say what values are."""
    study = evaluation.study
    if study.deflate is not None:
        ledger.put(Number("units.price_base", study.deflate.base, "plain"))
    for place, outcome in enumerate(study.outcome):
        for end, share in zip(("low", "high"), outcome.winsor or (), strict=False):
            ledger.put(Number(f"units.winsor.{place}.{end}", share, "share", outcome=outcome.name))
