"""The awards of each firm in order of time."""

import etl_inputs as given
from award_inputs import row, run
from evalkit.etl.awards.ledger import ledger


def test_counts_amounts_and_gaps(tmp_path):
    rows = [
        row(0, "2018-05-01", 1, award_id="A", programme="P1"),
        row(0, "2018-06-01", 2, award_id="B", programme="P2"),
        row(0, "2021-06-01", 4, award_id="C", programme="P1"),
        row(1, "2020-06-01", "", award_id="D", programme="P1"),
    ]
    found = {(str(r["firm_id"]), r["fiscal_year"]): r for r in ledger(run(tmp_path, rows)[0]).to_pylist()}
    wanted = {
        (given.number(0), 2018): (2, 3000, 2, 3000, 2, None),
        (given.number(0), 2021): (1, 4000, 3, 7000, 1, 3),
        (given.number(1), 2020): (1, 0, 1, 0, 1, None),
    }
    names = ("n_awards", "amount", "n_awards_to_date", "amount_to_date", "n_programmes", "years_since_last")
    assert {k: tuple(r[n] for n in names) for k, r in found.items()} == wanted
