"""Outcomes that the award cannot change: joint test, calibration, and what such outcomes are left out of."""

import dataclasses
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.stats import chi2
from statsmodels.stats.multitest import multipletests

import evalkit as ek
import small_study
import twins
from evalkit.checks.placebo_outcomes import INFO, Method
from evalkit.engine.firm_paths import firm_paths
from evalkit.model.study import Outcome
from evalkit.reporting.release_families import release_families
from evalkit.reporting.words import words
from evalkit.stats.calibration import SystematicError, change_spread


def sample(n_controls: int, bias: float = 0.0, *, shared: float = 0.0, n: int = 240) -> ek.MatchedSample:
    """One outcome with an effect of 0.5, and controls of other units that awards move by `bias` of their unit."""
    rng = np.random.default_rng(7)
    table = twins.frame(n)
    hit = ((table["g"] > 0) & (table["year"] >= table["g"])).to_numpy()
    names = [f"control{k}" for k in range(n_controls)]
    common = rng.normal(size=len(table))
    for k, name in enumerate(names):
        own = rng.normal(size=len(table)) + shared * common + (bias + 0.2 * bias * (-1) ** k) * hit
        table[name] = 10.0**k * own
    panel = twins.panel(table, ("y", *names))
    outcomes = (panel.outcomes[0], *(o.model_copy(update={"negative_control": True}) for o in panel.outcomes[1:]))
    return twins.sample(dataclasses.replace(panel, outcomes=outcomes))


def check(of: ek.MatchedSample, *methods: str, **options: object) -> ek.CheckResult:
    return ek.check(of, [ek.estimate(of, m) for m in methods or ("group_time",)], "placebo_outcomes", **options)


@pytest.mark.parametrize(
    ("n_controls", "bias", "kind", "verdict"),
    [
        (1, 0.0, "pass", "pass"), (3, 1.0, "fail", "fail"), (5, 0.0, "pass_calibrated", "pass"),
        (6, 1.0, "fail_calibrated", "fail"),
    ],
)  # fmt: skip
def test_rule_table(n_controls: int, bias: float, kind: str, verdict: str) -> None:
    result = check(sample(n_controls, bias))
    assert (result.values["case"], result.verdict) == (kind, verdict)
    assert result.values["controls"] == n_controls
    assert len(result.rows) == n_controls + 1


def test_the_joint_test_uses_the_joint_covariance() -> None:
    of = sample(3, shared=3.0)
    overall = ek.aggregate(ek.estimate(of, "group_time"), "overall")
    b, v = overall.table["estimate"].to_numpy()[1:], overall.vcov[1:, 1:]
    statistic = b @ np.linalg.solve(v, b)
    alone = (b**2 / np.diag(v)).sum()
    result = check(of)
    assert result.values["statistic"] == pytest.approx(statistic, rel=1e-9)
    assert abs(statistic - alone) > 0.01 * alone
    assert result.statistic == pytest.approx(chi2.sf(statistic, 3), rel=1e-9)
    holm = multipletests(overall.table["p_value"].to_numpy()[1:], method="holm")[1]
    assert [row["p_value_holm"] for row in result.rows] == [*holm, None]


def test_the_primary_effect_is_calibrated_on_the_scale_of_changes() -> None:
    of = sample(6, 1.0)
    table = ek.aggregate(ek.estimate(of, "group_time"), "overall").table
    spread = np.array([change_spread(firm_paths(of, o)) for o in of.panel.outcomes])
    b, s = table["estimate"].to_numpy() / spread, table["std_error"].to_numpy() / spread
    found = SystematicError.of(b[1:], s[1:])
    low, high = found.interval(b[0], s[0], 0.95)
    told = check(of).values
    assert told["calibrated"] == pytest.approx((b[0] - found.mu) * spread[0])
    assert (told["calibrated_low"], told["calibrated_high"]) == pytest.approx((low * spread[0], high * spread[0]))
    assert told["p_value_calibrated"] == pytest.approx(found.p_value(b[0], s[0]))
    assert (told["effect"], told["p_value_effect"]) == pytest.approx((table["estimate"][0], table["p_value"][0]))
    assert told["calibrated"] < told["effect"]


def test_units_of_the_controls_do_not_matter() -> None:
    """The controls of `sample` differ in unit by powers of ten: with one unit for all the answer is the same."""
    of = sample(5, 1.0)
    rows = {f"control{k}@{year}": 10.0**-k for k in range(5) for year in of.panel.periods}
    source = of.panel.source
    for name, factor in rows.items():
        place = source.column_names.index(name)
        source = source.set_column(place, name, [source.column(name).to_numpy() * factor])
    same = twins.sample(dataclasses.replace(of.panel, source=source))
    first, second = check(of).values, check(same).values
    for key in ("calibrated", "calibrated_low", "calibrated_high", "p_value_calibrated", "statistic"):
        assert first[key] == pytest.approx(second[key], rel=1e-6), key


def test_the_worst_estimate_decides() -> None:
    result = check(sample(2, 1.0), "group_time", "event_study")
    assert {row["method"] for row in result.rows} == {"group_time", "event_study"}
    worst = min(check(sample(2, 1.0), m).statistic for m in ("group_time", "event_study"))
    assert result.statistic == worst


def test_without_controls_or_errors_there_is_no_answer() -> None:
    assert check(twins.sample(twins.panel(twins.frame()))).values["case"] == "none_declared"
    assert ek.check(sample(2), (), "placebo_outcomes").values["case"] == "no_error"
    with pytest.raises(ValueError, match="alpha"):
        Method(alpha=1.0)


def test_a_control_in_which_firms_never_differ_is_counted_and_not_tested() -> None:
    of = sample(2)
    names = [name for name in of.panel.source.column_names if name.startswith("control0@")]
    source = of.panel.source
    for year, name in enumerate(names):
        alike = np.full(source.num_rows, float(year))
        source = source.set_column(source.column_names.index(name), name, [alike])
    result = check(twins.sample(dataclasses.replace(of.panel, source=source)))
    assert (result.values["controls"], result.values["untested"]) == (1, 1)
    assert "1 have no standard error" in result.sentence
    assert [row["outcome"] for row in result.rows] == ["control1", "y"]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_sentence_can_be_said(language: str) -> None:
    told = [check(sample(n, bias)) for n, bias in ((1, 0.0), (3, 1.0), (5, 0.0), (6, 1.0))]
    sentences = words(language).entries["method"]["checks"]["placebo_outcomes"]["sentence"]
    assert set(sentences) == {*(result.values["case"] for result in told), *INFO}
    for result in told:
        fields = {f for _, f, *_ in string.Formatter().parse(sentences[result.values["case"]]) if f}
        assert fields <= set(result.values)
        assert {key for row in result.rows for key in row} <= set(words(language).entries["check_columns"])


def test_a_control_is_in_no_family_of_results() -> None:
    class Everything:
        def hides(self, _: str) -> bool:
            return False

        def put(self, number: object, **_: object) -> str:
            return number.id

    rows = release_families(Everything(), "group_time", ek.estimate(sample(3), "group_time"))
    assert [row.labels["outcome"] for row in rows] == ["y"]


def test_a_control_is_called_one_in_both_languages() -> None:
    control = Outcome(name="rainfall", negative_control=True)
    assert words("en").outcome(control) == "rainfall (negative control)"
    assert words("ja").outcome(control) == "rainfall（陰性対照）"


def test_a_study_is_not_about_a_control() -> None:
    with pytest.raises(ValidationError, match="drop primary"):
        Outcome(name="rainfall", primary=True, negative_control=True)


def with_controls(text: str) -> str:
    """Add five controls to the study of sixty firms, and the check."""
    more = "".join(f'[[outcome]]\nname = "c{k}"\nnegative_control = true\nunit = "one"\n' for k in range(5))
    return text.replace("[covariates]", f"{more}[covariates]").replace(
        '[[check]]', '[[check]]\nmethod = "placebo_outcomes"\n[[check]]', 1
    ).replace('languages = ["en"]', 'languages = ["en", "ja"]')  # fmt: skip


def add_columns(rows: dict[str, list[dict[str, str]]]) -> None:
    rng = np.random.default_rng(3)
    for row in rows["firm_years"]:
        row.update({f"c{k}": str(round(float(rng.normal(50, 5)), 3)) for k in range(5)})


def test_a_report_tells_controls_apart_from_results(tmp_path: Path) -> None:
    study = ek.load_study(small_study.write(tmp_path, add_columns, with_controls))
    assert [o.name for o in study.planned] == ["sales"]
    released = ek.release(ek.evaluate(study, tmp_path))
    assert [row.labels["outcome"] for row in released.tables["families/group_time"]] == ["sales"]
    assert [row.labels["outcome"] for row in released.tables["checks/placebo_outcomes"]] == [
        *(f"c{k}" for k in range(5)), "sales",
    ]  # fmt: skip
    ek.report(released, tmp_path / "out")
    english, japanese = ((tmp_path / f"out/report.{language}.html").read_text("utf-8") for language in ("en", "ja"))
    assert "c0 (negative control)" in english
    assert "when calibrated by them" in english
    assert "c0（陰性対照）" in japanese
    assert "較正すると" in japanese


def test_the_first_outcome_is_none_that_the_award_cannot_change(tmp_path: Path) -> None:
    def spoilt(text: str) -> str:
        return text.replace("primary = true", "negative_control = true")

    with pytest.raises(ek.EvalkitError, match="first outcome"):
        ek.load_study(small_study.write(tmp_path, study=spoilt))


@pytest.mark.slow
def test_size_of_the_joint_test() -> None:
    """Without bias it rejects in about 5 % of samples."""
    rejected, draws = 0, 1000
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        n, years = 120, np.arange(2011, 2015)
        table = pd.DataFrame({"firm": np.repeat([f"F{i:04d}" for i in range(n)], 4), "year": np.tile(years, n)})
        table["g"] = np.where(np.repeat(np.arange(n) % 2 == 0, 4), 2013, 0)
        common = rng.normal(size=len(table))
        for k in range(4):
            table[f"y{k}"] = rng.normal(size=len(table)) + common
        panel = twins.panel(table, tuple(f"y{k}" for k in range(4)))
        flags = [o.model_copy(update={"negative_control": o.name != "y0"}) for o in panel.outcomes]
        of = twins.sample(dataclasses.replace(panel, outcomes=tuple(flags)))
        rejected += check(of).verdict == "fail"
    assert 0.035 <= rejected / draws <= 0.065
