"""Links on a register of seven firms, every case worked out by hand; order, threads and hash seed change nothing."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evalkit.errors import DataError, MissingExtraError
from evalkit.etl.linking.link import LinkOptions, Links, link

EXACT = LinkOptions(scored=False)
REGISTER = [
    ("1", "株式会社東海電子", "東京都港区芝１丁目２番３号", None),
    ("2", "東海電子株式会社", "東京都港区海岸１丁目１番１号", None),
    ("3", "有限会社山田商店", "愛知県豊田市本町３丁目４番５号", None),
    ("4", "合同会社髙﨑工業", "群馬県高崎市栄町１番地", datetime.date(2019, 3, 31)),
    ("5", "合同会社大和", "大阪府堺市堺区大町１丁目１番", None),
    ("6", "北斗精機製作所株式会社", "北海道札幌市中央区北三条西４丁目１番地", None),
    ("7", "株式会社大和", "福岡県福岡市博多区祇園町１番１号", None),
    ("8", "株式会社二葉", "長野県松本市中央１丁目１番１号", None),
    ("9", "株式会社二葉", "長野県松本市中央１丁目１番１号", None),
]
CASES = {
    "abbreviated form, kanji numeral": ("㈱東海電子", "港区芝一丁目２－３", "1", "exact:name+address"),
    "only the city, one firm there": ("(有)山田商店", "愛知県豊田市", "3", "exact:name+city"),
    "only the city, two firms there": ("東海電子㈱", "東京都港区", None, "exact:name+city"),
    "wrong digit, told apart by the town": ("東海電子㈱", "東京都港区芝1-9-9", "1", "splink"),
    "moved in the prefecture, only one of its name": ("山田商店(有)", "愛知県岡崎市1-1", "3", "exact:name+prefecture"),
    "moved, namesake elsewhere": ("(同)大和", "大阪府大阪市北区梅田1-1", None, None),
    "no address, form and name occur once": ("大和(同)", None, "5", "exact:name"),
    "no address, no form": ("大和", None, None, None),
    "typing error at the same address": ("北斗精機製作", "札幌市中央区北3条西4-1", "6", "splink"),
    "old and new characters": ("高崎工業(同)", "高崎市榮町１", "4", "exact:name+address"),
    "two firms of one name and address": ("二葉㈱", "松本市中央1-1-1", None, "exact:name+address"),
    "no such firm": ("株式会社無関係", "沖縄県那覇市1-1", None, None),
    "no name": (None, "東京都港区芝１丁目２番３号", None, None),
    "nothing": (None, None, None, None),
    "nothing but a form": ("株式会社", "東京都港区芝１丁目２番３号", None, None),
}  # fmt: skip


def register(rows=REGISTER) -> pa.Table:
    names = ["firm_id", "name", "address", "closed"]
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def awards() -> pa.Table:
    return pa.table({
        "award_id": list(CASES), "name": [c[0] for c in CASES.values()], "address": [c[1] for c in CASES.values()],
    })  # fmt: skip


@pytest.fixture(scope="module")
def links() -> Links:
    return link(awards(), register())


@pytest.mark.parametrize("case", CASES)
def test_each_case(links, case):
    row = links.table.to_pylist()[list(CASES).index(case)]
    assert (row["firm_id"], row["rule"]) == CASES[case][2:]
    assert row["status"] == ("linked" if row["firm_id"] else "ambiguous" if row["rule"] else "unlinked")
    assert (row["score"] is None) == (row["firm_id"] is None)


def test_every_award_is_on_one_row_and_in_one_class(links):
    assert links.table["award_id"].to_pylist() == list(CASES)
    one, some = links.flow.steps
    status = links.table["status"].to_pylist()
    assert (one.n_in, one.quarantined, one.reason) == (len(CASES), status.count("ambiguous"), "E_LINK_AMBIGUOUS")
    assert (some.kept, some.quarantined, some.reason) == (
        status.count("linked"), status.count("unlinked"), "E_UNLINKED",
    )  # fmt: skip
    assert sum(links.by_rule()["n_awards"].to_pylist()) == len(CASES)


def test_without_scores_only_exact_rules_link():
    rules = {r["rule"] for r in link(awards(), register(), EXACT).table.to_pylist() if r["firm_id"]}
    assert rules == {"exact:name+address", "exact:name+city", "exact:name+prefecture", "exact:name"}


def test_missing_names_and_places_never_meet():
    nothing = pa.table({"award_id": ["a"], "name": pa.nulls(1, pa.string()), "address": pa.nulls(1, pa.string())})
    firm = pa.table({"firm_id": ["1"], "name": pa.nulls(1, pa.string()), "address": pa.nulls(1, pa.string())})
    assert link(nothing, firm).table["status"].to_pylist() == ["unlinked"]


def test_a_firm_that_had_closed_is_no_candidate():
    days = [datetime.date(2019, 3, 31), datetime.date(2019, 4, 1)]
    one = pa.table({
        "award_id": ["a", "b"], "name": ["高崎工業(同)"] * 2, "address": ["群馬県高崎市栄町１"] * 2, "award_date": days,
    })  # fmt: skip
    assert link(one, register()).table["firm_id"].to_pylist() == ["4", None]


def test_two_firms_within_the_margin_are_ambiguous():
    twins = [*REGISTER, ("10", "北斗精機製作社株式会社", "北海道札幌市中央区北三条西４丁目１番地", None)]
    one = pa.table({"award_id": ["a"], "name": ["北斗精機製作㈱"], "address": ["札幌市中央区北3条西4-1"]})
    row = link(one, register(twins)).table.to_pylist()[0]
    assert (row["status"], row["rule"], row["firm_id"], row["n_firms"]) == ("ambiguous", "splink", None, 2)


def test_former_names_and_addresses_are_one_firm():
    former = [
        *REGISTER,
        ("3", "有限会社山田商店", "愛知県豊田市栄町９番地", None),
        ("3", "有限会社山商", "愛知県豊田市栄町９番地", None),
    ]
    one = pa.table({"award_id": ["a", "b"], "name": ["山田商店", "山商㈲"], "address": ["愛知県豊田市", "豊田市栄町9"]})
    assert link(one, register(former)).table["firm_id"].to_pylist() == ["3", "3"]


def test_columns_of_prefecture_and_city_serve_as_the_address():
    one = pa.table(
        {"award_id": ["a"], "name": ["東海電子"], "prefecture": ["東京都"], "city": ["港区"], "address": ["芝1-2-3"]}
    )
    assert link(one, register()).table["rule"].to_pylist() == ["exact:name+address"]


def test_row_order_changes_nothing(links):
    rng = np.random.default_rng(5)
    expected = links.table.sort_by("award_id")
    for _ in range(3):
        left, right = rng.permutation(len(CASES)), rng.permutation(len(REGISTER))
        found = link(awards().take(left), register().take(right)).table.sort_by("award_id")
        assert found.equals(expected)


def test_hash_seed_and_threads_change_nothing():
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_link import awards, register, link\n"
        "import json; print(json.dumps(link(awards(), register()).table.to_pylist(), sort_keys=True))"
    )
    outputs = set()
    for seed, threads in (("0", "1"), ("7", "3")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "EVALKIT_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(json.loads(outputs.pop())) == len(CASES)


def test_empty_tables():
    assert len(link(awards().slice(0, 0), register()).table) == 0
    assert set(link(awards(), register().slice(0, 0)).table["status"].to_pylist()) == {"unlinked"}


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        (awards().drop_columns("name"), register(), "E_COLUMN"),
        (awards(), register().drop_columns("firm_id"), "E_COLUMN"),
        (pa.concat_tables([awards(), awards()]), register(), "E_AWARD_ID"),
        (awards(), register([(None, *REGISTER[0][1:]), *REGISTER]), "E_NO_FIRM_ID"),
    ],
)
def test_tables_that_cannot_be_linked(left, right, code):
    with pytest.raises(DataError) as error:
        link(left, right, EXACT)
    assert error.value.code == code


def test_splink_is_named_when_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(MissingExtraError, match="linkage"):
        link(awards(), register())
    assert len(link(awards(), register(), EXACT).table) == len(CASES)
