"""What is made of values on their way into the panel, each against plain loops over firms and years."""

import math
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

import etl_inputs as given
from evalkit.errors import DataError, EvalkitError, each
from evalkit.etl.build import build_panel
from evalkit.etl.panel.firm_years import Grid
from evalkit.etl.panel.fiscal_periods import of_twelve_months
from evalkit.etl.panel.reconciliation import reconciled
from evalkit.etl.panel.unit_jumps import unit_jumps
from evalkit.etl.panel.value_rules import kept_rules
from evalkit.etl.panel.winsorising import winsorised
from evalkit.model.study import Outcome
from evalkit.model.study_values import FiscalPeriods, Reconcile, Rule, Units

PERIODS = (2018, 2019, 2020, 2021, 2022)
NAN = math.nan


def grid(**columns: object) -> Grid:
    """Return a grid of columns given as one list per firm."""
    arrays = {f"number:{name}": np.array(rows, float).T.copy() for name, rows in columns.items()}
    n = next(iter(arrays.values())).shape[1]
    return Grid(pa.array([f"F{i}" for i in range(n)]), PERIODS, arrays, n * len(PERIODS))


def of(result: Grid, name: str) -> list[list[float]]:
    return result.numbers(name).T.tolist()


def counts(flow) -> list[tuple]:
    for s in flow.steps:
        assert s.n_in == s.kept + s.quarantined + s.collapsed
    return [(s.step, s.n_in, s.kept, s.quarantined, s.collapsed, s.reason) for s in flow.steps]


def random_sales(n: int = 60, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(8, 1, (n, 1)) + rng.normal(0, 0.05, (n, len(PERIODS))))
    values[rng.random(values.shape) < 0.05] = NAN
    return values


class TestUnits:
    SPIKE, STAYS = [100, 100_000, 100, 110, 120], [100, 1000, 1000, 1000, 1000]

    @pytest.mark.parametrize(("action", "expected"), [("count", 100_000), ("missing", NAN), ("repair", 100)])
    def test_a_value_out_by_a_factor_on_both_sides(self, action: str, expected: float) -> None:
        result, flow = unit_jumps(grid(sales=[self.SPIKE, self.STAYS]), Units(columns=("sales",), action=action))
        assert of(result, "sales")[0][1] == pytest.approx(expected, nan_ok=True)
        assert of(result, "sales")[1] == self.STAYS
        n_out = int(action == "missing")
        assert counts(flow) == [("units: sales", 10, 10 - n_out, n_out, 0, "times 1000: 1, jumps that stay: 1")]

    def test_a_value_too_small_by_a_factor_and_a_negative_one(self) -> None:
        result, _ = unit_jumps(
            grid(profit=[[-50, -0.00005, -50, -50, -50]]), Units(columns=("profit",), action="repair")
        )
        assert of(result, "profit")[0] == pytest.approx([-50] * 5)

    def test_growth_up_to_eight_times_and_unknown_neighbours_are_left(self) -> None:
        rows = [[100, 700, 100, 100, 100], [100, 1000, NAN, 100, 100], [1000, 100, 100, 100, 100], [0, 1000, 0, 0, 0]]
        result, _ = unit_jumps(grid(sales=rows), Units(columns=("sales",), action="missing"))
        np.testing.assert_array_equal(np.array(of(result, "sales")), np.array(rows, float))

    def test_a_right_value_between_two_slips_is_no_slip(self) -> None:
        rows = [[100, 0.1, 100, 0.1, 100], [100, 0.1, 100, 0.1, NAN]]
        result, flow = unit_jumps(grid(sales=rows), Units(columns=("sales",), action="repair"))
        np.testing.assert_array_equal(np.array(of(result, "sales")), np.array([[100] * 5, rows[1]], float))
        assert counts(flow)[0][-1] == "divided by 1000: 2, jumps that stay: 3"

    def test_a_slip_in_a_year_of_growth_is_found(self) -> None:
        """The value before is half as much again as the one after: the change into the slip is no clean factor."""
        result, flow = unit_jumps(grid(sales=[[150, 0.1, 100, 100, 100]]), Units(columns=("sales",), action="repair"))
        assert of(result, "sales")[0] == [150, 100, 100, 100, 100]
        assert counts(flow)[0][-1] == "divided by 1000: 1"

    def test_planted_slips_are_repaired_exactly_where_they_were_planted(self) -> None:
        clean = random_sales()
        dirty, rng = clean.copy(), np.random.default_rng(1)
        for firm in range(0, 60, 3):
            dirty[firm, rng.integers(1, 4)] *= rng.choice([10, 1000, 1e6, 0.1, 1e-3])
        known = ~np.isnan(dirty[:, :-2]) & ~np.isnan(dirty[:, 1:-1]) & ~np.isnan(dirty[:, 2:])
        can_be_seen = np.zeros(dirty.shape, bool)
        can_be_seen[:, 1:-1] = known
        result, _ = unit_jumps(grid(sales=dirty), Units(columns=("sales",), action="repair"))
        np.testing.assert_allclose(result.numbers("sales").T, np.where(can_be_seen, clean, dirty), rtol=1e-12)

    def test_a_whole_year_in_another_unit_is_refused(self) -> None:
        values = random_sales()
        values[:, 3:] /= 1000
        with pytest.raises(DataError) as error:
            unit_jumps(grid(sales=values), Units(columns=("sales",), action="repair"))
        assert error.value.code == "E_UNIT_JUMP"
        assert "between 2020 and 2021" in str(error.value)


class TestReconcile:
    OWN = ((100, 100, 100, NAN, 5), (NAN, 100, NAN, NAN, NAN))
    OTHER = ((101, 1000, 150, 7, NAN), (NAN, 100_000, NAN, NAN, NAN))

    @pytest.mark.parametrize(
        ("keep", "expected"), [("column", [100, 100, 100, 7, 5]), ("against", [101, 1000, 150, 7, 5])]
    )
    def test_one_value_stands_and_every_pair_is_counted(self, keep: str, expected: list[float]) -> None:
        pair = Reconcile(column="sales", against="reported", tolerance=0.05, keep=keep)
        result, flow = reconciled(grid(sales=self.OWN, reported=self.OTHER), (pair,))
        assert of(result, "sales")[0] == expected
        told = "alike: 1, out by 10: 1, out by 1000: 1, different: 1, only in: sales: 1, only in: reported: 1"
        assert counts(flow) == [("reconcile: sales", 10, 6, 0, 4, told)]


class TestFiscalPeriods:
    VALUES, MONTHS = ((120, 60, 180, 100, NAN),), ((12, 6, 18, NAN, 6),)

    @pytest.mark.parametrize(
        ("action", "expected", "n_out"),
        [("count", [120, 60, 180, 100, NAN], 0), ("missing", [120, NAN, NAN, 100, NAN], 2),
         ("annualise", [120, 120, 120, 100, NAN], 0)],
    )  # fmt: skip
    def test_PAN07_periods_of_other_lengths(self, action: str, expected: list[float], n_out: int) -> None:
        declared = FiscalPeriods(columns=("sales",), action=action)
        result, flow = of_twelve_months(grid(sales=self.VALUES, period_months=self.MONTHS), declared)
        assert of(result, "sales")[0] == pytest.approx(expected, nan_ok=True)
        reason = "shorter than a year: 1, longer than a year: 1"
        assert counts(flow) == [("fiscal_period: sales", 4, 4 - n_out, n_out, 0, reason)]

    def test_a_length_that_cannot_be_takes_the_value_out(self) -> None:
        declared = FiscalPeriods(columns=("sales",), action="annualise")
        result, flow = of_twelve_months(grid(sales=[[1, 2, 3, 4, 5]], period_months=[[12, 0, -3, 12, 24]]), declared)
        assert of(result, "sales")[0] == pytest.approx([1, NAN, NAN, 4, 2.5], nan_ok=True)
        assert counts(flow)[0][3] == 2


class TestRules:
    def test_ING35_parts_that_do_not_add_up_are_counted_by_year_and_stay(self) -> None:
        columns = {"total": [[10, 10, NAN, 10, 11]], "a": [[4, 5, 5, 5, 5]], "b": [[6, 6, 5, 5, 5]]}
        result, flow = kept_rules(grid(**columns), (Rule(column="total", sum_of=("a", "b"), tolerance=0.01),))
        assert of(result, "total") == pytest.approx(np.array(columns["total"]), nan_ok=True)
        assert counts(flow) == [("rule: total", 4, 4, 0, 0, "2019: 1, 2022: 1")]

    def test_one_column_at_most_another(self) -> None:
        columns = {"profit": [[1, 20, 10.05, NAN, 30]], "sales": [[10, 10, 10, 10, NAN]]}
        rule = Rule(column="profit", at_most="sales", tolerance=0.01, action="missing")
        result, flow = kept_rules(grid(**columns), (rule,))
        assert of(result, "profit")[0] == pytest.approx([1, NAN, 10.05, NAN, 30], nan_ok=True)
        assert counts(flow) == [("rule: profit", 4, 3, 1, 0, "2019: 1")]

    def test_bounds_that_refuse_name_the_rule_and_the_years_and_come_together(self) -> None:
        rules = (Rule(column="x", min=0, action="refuse"), Rule(column="x", max=5, action="refuse"))
        with pytest.raises(ExceptionGroup) as caught:
            kept_rules(grid(x=[[-1, 2, 3, 9, 7]]), rules)
        errors = each(caught.value)
        assert [(e.code, e.where) for e in errors] == [("E_RULE", "rule[1]"), ("E_RULE", "rule[2]")]
        assert "(2021: 1, 2022: 1)" in str(errors[1])


class TestWinsor:
    @pytest.mark.parametrize("by", ["period", "all"])
    def test_ends_move_to_the_quantiles_of_plain_sorting(self, by: str) -> None:
        values = random_sales(101)
        outcome = Outcome(name="sales", winsor=(0.05, 0.9), winsor_by=by)
        result, flow = winsorised(grid(sales=values), (outcome,))
        expected, n_low, n_high = values.copy(), 0, 0
        for piece in [values[:, t] for t in range(5)] if by == "period" else [values.ravel()]:
            known = sorted(piece[~np.isnan(piece)])
            low, high = (known[math.ceil(q * len(known)) - 1] for q in (0.05, 0.9))
            n_low, n_high = n_low + sum(v < low for v in known), n_high + sum(v > high for v in known)
            expected[np.isin(values, piece) & (values < low)] = low
            expected[np.isin(values, piece) & (values > high)] = high
        np.testing.assert_array_equal(result.numbers("sales").T, expected)
        assert counts(flow)[0][5] == f"raised: {n_low}, lowered: {n_high}"

    def test_input_is_not_changed(self) -> None:
        values = grid(sales=random_sales(50))
        before = values.numbers("sales").copy()
        winsorised(values, (Outcome(name="sales", winsor=(0.1, 0.9)),))
        np.testing.assert_array_equal(values.numbers("sales"), before)


class TestDeflation:
    INDEX: ClassVar = {
        "製造業": {y: 100 + 3 * (y - 2018) for y in PERIODS},
        "小売業": {y: 100 + (y - 2018) for y in PERIODS},
    }

    def study(self, folder, *, by: str = "industry", base: int = 2020, lacking: tuple = (), deflate: bool = True):
        data = given.tables()
        rows = [
            {"年度": str(y), "業種": name, "指数": f"{index}"}
            for name, years in self.INDEX.items()
            for y, index in years.items()
            if (name, y) not in lacking and (by or name == "小売業")
        ]
        given.write(folder, data | {"deflators": rows})
        asked = given.study_dict()
        if deflate:
            asked["sources"]["deflators"] = {"layout": "deflators", "path": "deflators.csv"}
            asked["deflate"] = {"columns": ["sales"], "base": base, "by": by}
        return build_panel(given.study(asked), folder)

    @pytest.mark.parametrize("by", ["industry", ""])
    def test_values_are_in_prices_of_the_base_year(self, tmp_path, by: str) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        real, nominal = self.study(tmp_path / "a", by=by), self.study(tmp_path / "b", deflate=False)
        industry = real.read(["industry"]).column(0).to_pylist()
        for year in PERIODS:
            values = nominal.read([f"sales@{year}"]).column(0).to_pylist()
            index = [self.INDEX[i if by else "小売業"] for i in industry]
            expected = [v / (x[year] / x[2020]) for v, x in zip(values, index, strict=True)]
            assert real.read([f"sales@{year}"]).column(0).to_pylist() == pytest.approx(expected, rel=1e-12)
        assert ("deflate: sales", 60, 60) in [(s.step, s.n_in, s.kept) for s in real.flow.steps]

    @pytest.mark.parametrize(
        "case", [{"lacking": (("小売業", 2021),)}, {"base": 2010}], ids=["a period", "the base year"]
    )
    def test_what_the_index_lacks_is_refused(self, tmp_path, case: dict) -> None:
        with pytest.raises(DataError) as error:
            self.study(tmp_path, **case)
        assert (error.value.code, error.value.where) == ("E_DEFLATOR", "sources.deflators")
        assert str({"lacking": 2021, "base": 2010}[next(iter(case))]) in str(error.value)

    def test_deflate_and_its_source_go_together(self) -> None:
        asked = given.study_dict() | {"deflate": {"columns": ["sales"], "base": 2020}}
        with pytest.raises(EvalkitError) as error:
            given.study(asked)
        assert "sources.deflators" in str(error.value)


def test_everything_together_in_its_order(tmp_path) -> None:
    """Reported sales repair nothing by themselves; a slip is repaired, a short year annualised, then the end moved."""
    data = given.tables()
    for row in data["firm_years"]:
        row |= {"reported": row["売上高"], "period_months": "12"}
    slip, short = data["firm_years"][2], data["firm_years"][7]
    slip |= {"売上高": str(int(slip["売上高"]) * 1000), "reported": ""}
    short |= {"売上高": str(int(short["売上高"]) // 2), "reported": "", "period_months": "6"}
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["unit"] |= {"reported": "thousand_yen"}
    asked |= {
        "reconcile": [{"column": "sales", "against": "reported"}],
        "units": {"columns": ["sales"], "action": "repair"},
        "fiscal_periods": {"columns": ["sales"], "action": "annualise"},
        "rule": [{"column": "sales", "min": 0.0}],
    }
    asked["outcome"][0]["winsor"] = [0.0, 0.9]
    panel = build_panel(given.study(asked), tmp_path)
    steps = [s.step for s in panel.flow.steps]
    order = ["reconcile: sales", "units: sales", "fiscal_period: sales", "rule: sales", "winsor: sales"]
    assert [s for s in steps if s in order] == order
    assert steps.index("winsor: sales") > steps.index("with firm-years")
    column = panel.read(["sales@2020"]).column(0).to_pylist()
    ordered = sorted(1000 * given.sales(i, 2020) for i in given.FIRMS)
    expected = [min(1000 * given.sales(i, 2020), ordered[math.ceil(0.9 * 12) - 1]) for i in given.FIRMS]
    firms = panel.read(["firm_id"]).column(0).to_pylist()
    by_firm = dict(zip([given.number(i) for i in given.FIRMS], expected, strict=True))
    assert column == pytest.approx([by_firm[f] for f in firms], rel=1e-3)


def test_years_of_accounting_periods_that_end_in_december_and_in_march(tmp_path) -> None:
    """PAN07: with fiscal years from April, March 2021 and December 2020 both belong to 2020."""
    data = given.tables()
    for i, row in enumerate(data["firm_years"]):
        year = int(row.pop("年度"))
        row["period_end"] = f"{year + 1}-03-31" if i % 2 else f"{year}年12月31日"
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["columns"].pop("fiscal_year")
    asked["sources"]["firm_years"]["fiscal_year_from"] = "period_end"
    panel = build_panel(given.study(asked), tmp_path)
    (tmp_path / "plain").mkdir()
    plain = build_panel(given.study(), given.write(tmp_path / "plain", given.tables()))
    assert panel.source.equals(plain.source)


def test_a_period_end_that_is_no_date_is_set_aside(tmp_path) -> None:
    data = given.tables()
    for row in data["firm_years"]:
        row["period_end"] = f"{row.pop('年度')}-12-31"
    data["firm_years"][3]["period_end"] = "2021-02-30"
    given.write(tmp_path, data)
    asked = given.study_dict()
    asked["sources"]["firm_years"]["columns"].pop("fiscal_year")
    asked["sources"]["firm_years"]["fiscal_year_from"] = "period_end"
    panel = build_panel(given.study(asked), tmp_path)
    (step,) = [s for s in panel.flow.steps if s.step == "read firm-years"]
    assert (step.n_in, step.kept, step.quarantined) == (60, 59, 1)


def test_lags_and_growth_over_several_years(tmp_path) -> None:
    given.write(tmp_path, given.tables())
    asked = given.study_dict()
    asked["covariates"] = {
        "period": 2021,
        "baseline": [
            {"name": "before", "column": "sales", "transform": "log", "lag": 2},
            {"name": "rise", "column": "sales", "transform": "growth", "lag": 1, "years": 2},
        ],
    }
    panel = build_panel(given.study(asked), tmp_path)
    firms = panel.read(["firm_id"]).column(0).to_pylist()
    place = {given.number(i): i for i in given.FIRMS}
    log = {(i, y): math.log(1000 * given.sales(i, y)) for i in given.FIRMS for y in given.YEARS}
    before, rise = (panel.read([name]).column(0).to_pylist() for name in ("before", "rise"))
    assert before == pytest.approx([log[place[f], 2019] for f in firms], rel=1e-14)
    assert rise == pytest.approx([log[place[f], 2020] - log[place[f], 2018] for f in firms], rel=1e-12)
