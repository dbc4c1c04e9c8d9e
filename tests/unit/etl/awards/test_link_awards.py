"""Awards without a firm id in a whole build."""

import csv
from pathlib import Path

import pytest

import evalkit as ek
from evalkit import simulate
from evalkit.model.study_file import study_from

N_FIRMS = 40
YEARS = range(2015, 2020)


def inputs(root: Path, awards: list[list[str]], header: list[str]) -> None:
    numbers = simulate.corporate_numbers(N_FIRMS)
    tables = {
        "awards": [header, *awards],
        "firms": [
            ["firm_id", "firm_name", "prefecture", "address"],
            *([n, name(i), "東京都", f"東京都千代田区見本町{i + 1}丁目2番3号"] for i, n in enumerate(numbers)),
        ],
        "years": [
            ["firm_id", "fiscal_year", "sales"],
            *([n, str(y), str(1000 + 7 * i + (y - 2014) * (i % 5))] for i, n in enumerate(numbers) for y in YEARS),
        ],
    }
    for table, rows in tables.items():
        with (root / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)


def name(i: int) -> str:
    return (
        "株式会社同名商会"
        if i >= N_FIRMS - 2
        else f"株式会社見本工業{'一二三四五六七八九十'[i % 10]}{'甲乙丙丁'[i // 10]}"
    )


def study(link: dict) -> ek.Study:
    source = {"layout": "generic-firms", "path": "firms.csv"}
    return study_from(
        {
            "format": 1, "id": "named", "title": {"en": "Named"}, "link": link,
            "sources": {
                "awards": {"layout": "generic-awards", "path": "awards.csv"}, "firms": source,
                "firm_years": {"layout": "generic-firm-years", "path": "years.csv"},
            },
            "period": {"first": 2015, "last": 2019}, "outcome": [{"name": "sales"}],
            "limits": {"quarantined_rows": 0.2, "quarantined_amount": 1.0},
        },
        lambda *_: [],
    )  # fmt: skip


HEADER = ["firm_id", "firm_name", "address", "fiscal_year"]


def named(rows: list[int], extra: list[list[str]] | None = None) -> list[list[str]]:
    numbers = simulate.corporate_numbers(N_FIRMS)
    with_id = [[numbers[0], name(0), "", "2017"]]
    messy = [["", name(i).replace("株式会社", "㈱"), f"千代田区見本町{i + 1}－２－３", "2017"] for i in rows]
    return [*with_id, *messy, *(extra or [])]


@pytest.mark.parametrize("method", ["exact", "scored"])
def test_names_and_addresses_find_their_firms(tmp_path: Path, method: str) -> None:
    inputs(tmp_path, named(list(range(1, 11))), HEADER)
    panel = ek.build(study({"method": method}), tmp_path)
    treated = {f for f, c in zip(panel.firm.to_pylist(), panel.cohort, strict=True) if c == 2017}
    assert treated == set(simulate.corporate_numbers(N_FIRMS)[:11])
    steps = {s.step: s for s in panel.flow.steps}
    assert steps["link: any firm"].kept == 10
    assert steps["link to firms"].n_in == steps["link to firms"].kept == 11


def test_a_name_of_two_firms_is_set_aside_and_never_doubled(tmp_path: Path) -> None:
    inputs(tmp_path, named(list(range(1, 11)), [["", "株式会社同名商会", "", "2017"]]), HEADER)
    quarantine = tmp_path / "q"
    panel = ek.build(study({"method": "exact"}), tmp_path, quarantine)
    assert (panel.cohort == 2017).sum() == 11
    import pyarrow.parquet as pq

    rejected = pq.read_table(quarantine / "awards.parquet").to_pylist()
    assert [(r["line"], r["rule"]) for r in rejected] in ([(13, "E_LINK_AMBIGUOUS")], [(13, "E_UNLINKED")])


def test_a_list_without_the_column_of_ids(tmp_path: Path) -> None:
    inputs(tmp_path, [row[1:] for row in named(list(range(1, 11)))[1:]], HEADER[1:])
    panel = ek.build(study({"method": "exact"}), tmp_path)
    assert (panel.cohort == 2017).sum() == 10


def test_too_few_links_stop_the_build(tmp_path: Path) -> None:
    strangers = [["", f"有限会社無関係{i}", "北海道札幌市", "2017"] for i in range(30)]
    inputs(tmp_path, named([1], strangers), HEADER)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.build(study({"method": "exact"}), tmp_path)
    assert (caught.value.code, caught.value.exit_code) == ("E_LINK_RATE", 3)


def test_without_linking_a_missing_id_is_set_aside(tmp_path: Path) -> None:
    inputs(tmp_path, named([1]), HEADER)
    with pytest.raises(ek.EvalkitError) as caught:
        ek.build(study({}), tmp_path)
    assert caught.value.code == "E_QUARANTINE_LIMIT"
