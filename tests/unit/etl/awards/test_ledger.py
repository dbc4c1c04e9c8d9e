"""The awards of each firm by fiscal year, counted by hand."""

import etl_inputs as given
from award_inputs import row, run
from evalkit.etl.awards.ledger import ledger


def test_counts_and_amounts_by_year(tmp_path):
    rows = [
        row(0, "2021-06-01", 4, award_id="C", programme="P1"),
        row(0, "2018-05-01", 1, award_id="A", programme="P1"),
        row(0, "2018-06-01", 2, award_id="B", programme="P2"),
        row(1, "2020-06-01", "", award_id="D", programme="P1"),
        row(1, "2020-07-01", 9, award_id="E", programme="P1"),
    ]
    found = [tuple(r.values()) for r in ledger(run(tmp_path, rows)[0]).to_pylist()]
    first, second = given.number(0), given.number(1)
    assert found == sorted(found)
    assert found == [(second, 2020, 2, None), (first, 2018, 2, 3000.0), (first, 2021, 1, 4000.0)]


def test_awards_without_amounts(tmp_path):
    awards = run(tmp_path, [row(0, "2018-05-01", 1, award_id="A")])[0]
    without = awards.with_rows(awards.rows.drop_columns("amount"))
    assert ledger(without).to_pylist() == [
        {"firm_id": given.number(0), "fiscal_year": 2018, "n_awards": 1, "amount": None}
    ]
