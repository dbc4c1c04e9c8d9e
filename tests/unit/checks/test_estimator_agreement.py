import dataclasses

import pandas as pd
import pytest

import evalkit as ek
import twins

EXACT = 1e-12


def ask(table: pd.DataFrame, names: tuple[str, ...], **options: object) -> ek.CheckResult:
    sample = ek.match(twins.panel(table))
    return ek.check(sample, [ek.estimate(sample, name) for name in names], "estimator_agreement", **options)


def test_distances_are_in_standard_errors_of_the_first() -> None:
    table = twins.frame(300, seed=4)
    sample = ek.match(twins.panel(table))
    rows = [ek.aggregate(ek.estimate(sample, n)).table.iloc[0] for n in ("group_time", "imputation", "twfe")]
    found = ask(table, ("group_time", "imputation", "twfe"))
    for row, own in zip(found.rows, rows, strict=True):
        wanted = abs(own["estimate"] - rows[0]["estimate"]) / rows[0]["std_error"]
        assert row["errors_apart"] == pytest.approx(wanted, abs=EXACT)
    assert found.statistic == max(row["errors_apart"] for row in found.rows)


def test_without_noise_all_estimators_agree_and_growing_effects_part_twfe_from_them() -> None:
    assert ask(twins.frame(300, noise=0.01, seed=4), ("group_time", "imputation")).verdict == "pass"
    table = twins.frame(300, noise=0.05, growth=0.6, seed=4)
    found = ask(table[table["g"] != 0], ("imputation", "twfe"))
    assert found.verdict == "warn"
    assert found.values["method"] == "twfe"
    assert ask(table[table["g"] != 0], ("imputation", "twfe"), warn_above=1_000.0).verdict == "pass"


def test_one_estimate_or_another_scale_gives_no_verdict() -> None:
    table = twins.frame(200)
    assert ask(table, ("group_time",)).values == {"case": "one_estimate"}
    sample = ek.match(twins.panel(table))
    first = ek.estimate(sample)
    logs = tuple(o.model_copy(update={"transform": "log"}) for o in first.outcomes)
    other = dataclasses.replace(first, outcomes=logs)
    assert ek.check(sample, [first, other], "estimator_agreement").verdict == "info"
