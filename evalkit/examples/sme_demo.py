"""20,000 made-up SMEs as the files a ministry would hold, with what is wrong in such files planted and counted."""

import csv
import dataclasses
import io
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from evalkit import simulate
from evalkit.model import store

PROGRAMME, OTHER_PROGRAMME = "設備投資補助金", "販路開拓補助金"
NAME_STEMS = ("架空精機", "見本電子", "仮想食品", "例示工業", "試作製作所", "模擬物産", "標本化成", "想定運輸")
N_DUPLICATES, N_WRONG_NUMBERS, N_OTHER = 20, 6, 400
REPEAT_SHARE = 0.12
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ERAS = ((date(2019, 5, 1), "令和", "R", 2018), (date(1989, 1, 8), "平成", "H", 1988))


@dataclasses.dataclass(frozen=True)
class _Award:
    firm: int
    programme: str
    day: date
    amount: int


def write_sme_demo(folder: Path, design: simulate.Design | None = None) -> list[Path]:
    """Write `awards.csv` (CP932), `firms.csv` (UTF-8 with a mark), `firm_years.parquet` (all text) and `truth.json`.

    Planted in the award list: dates in Japanese eras and ISO form, thousands separators and full-width digits, exact
    duplicates, repeat awards, a second programme, and corporate numbers whose check digit fails. Wrong numbers are
    planted on repeat awards only, so that the effect can still be recovered exactly.
    """
    design = design or simulate.Design()
    firms = simulate.population(design)
    numbers = simulate.corporate_numbers(design.n_firms)
    rng = np.random.Generator(np.random.Philox(key=design.seed + 1))
    rows, planted = _award_rows(firms, numbers, rng)
    store.write_bytes(
        folder / "awards.csv",
        _csv(("採択番号", "法人番号", "事業者名", "事業名", "交付決定日", "交付決定額"), rows).encode("cp932"),
    )
    store.write_bytes(
        folder / "firms.csv",
        _csv(("法人番号", "商号", "業種", "都道府県", "設立年", "規模"), _firm_rows(firms, numbers)).encode(
            "utf-8-sig"
        ),
    )
    planted["firm_year_duplicates"] = _write_firm_years(folder / "firm_years.parquet", firms, numbers, rng)
    store.write_json(folder / "truth.json", {**simulate.truth(firms), "planted": planted})
    return [folder / name for name in ("awards.csv", "firms.csv", "firm_years.parquet", "truth.json")]


def _award_rows(
    firms: simulate.Population, numbers: list[str], rng: np.random.Generator
) -> tuple[list[list[str]], dict[str, int]]:
    first = [
        _Award(i, PROGRAMME, _day(int(firms.cohort[i]), rng), _amount(rng))
        for i in np.flatnonzero(firms.cohort).tolist()
    ]
    again = [
        _Award(a.firm, PROGRAMME, _day(int(firms.cohort[a.firm]) + int(rng.integers(1, 3)), rng), _amount(rng))
        for a in first if rng.random() < REPEAT_SHARE
    ]  # fmt: skip
    others = [
        _Award(
            int(i),
            OTHER_PROGRAMME,
            _day(int(rng.integers(firms.design.first + 1, firms.design.last)), rng),
            _amount(rng),
        )
        for i in rng.choice(firms.design.n_firms, min(N_OTHER, firms.design.n_firms), replace=False)
    ]
    wrong = set(range(len(first), len(first) + min(N_WRONG_NUMBERS, len(again))))
    rows = [
        _row(k, a, _damaged(numbers[a.firm]) if k in wrong else numbers[a.firm], rng)
        for k, a in enumerate([*first, *again, *others])
    ]
    twice = [
        rows[int(k)] for k in rng.choice(len(rows), min(N_DUPLICATES, len(rows)), replace=False) if int(k) not in wrong
    ]
    shuffled = [*rows, *twice]
    order = rng.permutation(len(shuffled))
    counts = {
        "award_rows": len(shuffled), "first_awards": len(first), "repeat_awards": len(again),
        "other_programme_awards": len(others), "duplicate_award_rows": len(twice),
        "wrong_corporate_numbers": len(wrong),
    }  # fmt: skip
    return [shuffled[int(k)] for k in order], counts


def _row(k: int, award: _Award, number: str, rng: np.random.Generator) -> list[str]:
    return [
        f"A{k:06d}",
        number,
        _name(award.firm),
        award.programme,
        _date_text(award.day, rng),
        _amount_text(award.amount, rng),
    ]


def _firm_rows(firms: simulate.Population, numbers: list[str]) -> list[list[str]]:
    start = firms.levels["employees"][:, 0]
    size = np.select([start <= 5, start <= 20], ["micro", "small"], "medium")
    return [
        [
            number,
            _name(i),
            simulate.INDUSTRIES[firms.industry[i]],
            simulate.PREFECTURES[firms.prefecture[i]],
            str(firms.founded[i]),
            str(size[i]),
        ]
        for i, number in enumerate(numbers)
    ]


def _write_firm_years(path: Path, firms: simulate.Population, numbers: list[str], rng: np.random.Generator) -> int:
    """Write the firm-years that are reported, in no order, with a few exact duplicates; returns how many."""
    import pyarrow as pa

    firm, year = np.nonzero(firms.observed)
    twice = rng.choice(len(firm), min(40, len(firm)), replace=False)
    order = rng.permutation(len(firm) + len(twice))
    firm, year = np.concatenate([firm, firm[twice]])[order], np.concatenate([year, year[twice]])[order]
    columns: dict[str, Any] = {"法人番号": pa.array(numbers).take(pa.array(firm)), "年度": firms.design.years[year]}
    for header, name in (("売上高", "sales"), ("付加価値額", "value_added"), ("従業者数", "employees")):
        columns[header] = firms.levels[name][firm, year]
    table = pa.table({k: pa.array(v).cast(pa.string()) for k, v in columns.items()})
    store.write_parquet(path, table)
    return len(twice)


def _day(fiscal_year: int, rng: np.random.Generator) -> date:
    """Draw a day of a Japanese fiscal year: April to March of the next calendar year."""
    start = date(fiscal_year, 4, 1)
    return start + timedelta(days=int(rng.integers(0, (date(fiscal_year + 1, 4, 1) - start).days)))


def _date_text(day: date, rng: np.random.Generator) -> str:
    form = int(rng.integers(0, 5))
    if form == 0:
        return day.isoformat()
    if form == 1:
        return f"{day.year}/{day.month}/{day.day}"
    _, era, letter, base = next(e for e in ERAS if day >= e[0])
    year = day.year - base
    if form == 2:
        return f"{letter}{year}.{day.month}.{day.day}"
    text = f"{era}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    return text.translate(FULL_WIDTH) if form == 3 else text


def _amount(rng: np.random.Generator) -> int:
    return int(np.exp(rng.normal(8.3, 0.7)) // 10 * 10) + 500


def _amount_text(amount: int, rng: np.random.Generator) -> str:
    form = int(rng.integers(0, 10))
    if form == 0:
        return str(amount).translate(FULL_WIDTH)
    return f"{amount:,}" if form < 5 else str(amount)


def _damaged(number: str) -> str:
    """Change one digit so that the check digit fails."""
    return number[:6] + str((int(number[6]) + 1) % 9) + number[7:]


def _name(firm: int) -> str:
    return f"{NAME_STEMS[firm % len(NAME_STEMS)]}{firm:05d}株式会社"


def _csv(header: tuple[str, ...], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
