"""Link awards that carry only a name and an address to a register, against a plant.

Usage: python benchmarks/linking.py [--firms 2000000] [--awards 100000] [--seed 0]

The register has many firms of one name (some six in ten names occur once in the country); one firm in eight has closed.
Awards write names and addresses in many ways and carry planted noise: old characters, abbreviated or mistyped names,
wrong digits, left-out levels, former addresses, and firms that the register does not have. Wall time and memory are
those of one process that reads both tables and links them.
"""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KANJI = list(
    "東西南北大中小高山川田村井木森林石原野島崎松竹梅藤佐伊加渡辺斎沢浜広国栄光和新正信明昭平成福富豊恵徳安永長吉金三千共協日月星"
)
KANA = list("アイウエオカキクコサシスソタテトナニネノハヒフホマミメモラリルレロンユヨ")
TRADES = ["建設", "工業", "製作所", "商店", "電気", "設備", "運輸", "食品", "不動産", "印刷", "精機", "金属", "木材",
          "石油", "水産", "農園", "塗装", "工務店", "商事", "産業", "技研", "化成", "興業", "土木", "造園",
          "鉄工所", "自動車", "薬局"]  # fmt: skip
MODERN = [
    "システム",
    "サービス",
    "フーズ",
    "テクノ",
    "デザイン",
    "ホーム",
    "ケア",
    "ネット",
    "プランニング",
    "トレード",
    "企画",
    "",
]
FORMS = [
    ("株式会社", "㈱", "（株）", "(株)"),
    ("有限会社", "㈲", "（有）", "(有)"),
    ("合同会社", "(同)", "（同）", "合同会社"),
]
PREFECTURES = ["北海道", "宮城県", "福島県", "茨城県", "埼玉県", "千葉県", "東京都", "神奈川県", "新潟県", "長野県",
               "静岡県", "愛知県", "京都府", "大阪府", "兵庫県", "奈良県", "岡山県", "広島県", "香川県", "福岡県",
               "熊本県", "鹿児島県"]  # fmt: skip
OLD = str.maketrans("高崎島沢浜広国栄富恵徳斎辺豊吉", "髙﨑嶋澤濱廣國榮冨惠德齋邊豐𠮷")
WIDE = str.maketrans("0123456789-", "０１２３４５６７８９－")
DIGITS = "〇一二三四五六七八九"
SHARES = {"old": 0.10, "short": 0.03, "typo": 0.03, "digit": 0.04, "moved": 0.04, "absent": 0.03,
          "no_prefecture": 0.15, "only_city": 0.08, "only_prefecture": 0.01}  # fmt: skip

MEASURE = """
import json, time
import pyarrow.parquet as pq
from evalkit.etl.linking.link import link, LinkOptions
start = time.perf_counter()
awards, register = pq.read_table({folder!r} + "/awards.parquet"), pq.read_table({folder!r} + "/register.parquet")
links = link(awards, register)
seconds = time.perf_counter() - start
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 2**20
pq.write_table(links.table, {folder!r} + "/links.parquet")
print(json.dumps({{"seconds": seconds, "peak_gib": peak, "flow": [s.to_dict() for s in links.flow.steps]}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--firms", type=int, default=2_000_000)
    parser.add_argument("--awards", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        plant(folder, arguments.firms, arguments.awards, arguments.seed)
        done = subprocess.run([sys.executable, "-c", MEASURE.format(folder=str(folder))], check=True,
                              capture_output=True, text=True)  # fmt: skip
        show(folder, json.loads(done.stdout.splitlines()[-1]))


def plant(folder: Path, n_firms: int, n_awards: int, seed: int) -> None:
    """Write register, awards and truth; the last firms made are those that the register does not have."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    n_absent = n_firms // 50
    n_all = n_firms + n_absent
    name, form, front = stems(rng, n_all), rng.choice(3, n_all, p=[0.7, 0.2, 0.1]), rng.random(n_all) < 0.5
    place, streets = places(rng, n_all)
    closed = np.where(rng.random(n_all) < 0.125, rng.integers(14_000, 19_800, n_all), 0)
    written = [FORMS[f][0] + n if b else n + FORMS[f][0] for n, f, b in zip(name, form, front, strict=True)]
    ids = np.char.mod("%013d", rng.permutation(n_all) + 10**12)
    addresses = ["".join(CITIES[p]) + full(s) for p, s in zip(place, streets, strict=True)]
    keep = rng.permutation(n_firms)
    register = pa.table({"firm_id": ids, "name": written, "address": addresses,
                         "closed": pa.array(closed, pa.int32(), mask=closed == 0).cast(pa.date32())})  # fmt: skip
    pq.write_table(register.take(keep), folder / "register.parquet")
    has = {kind: rng.random(n_awards) < share for kind, share in SHARES.items()}
    firm = np.where(has["absent"], n_firms + rng.integers(0, n_absent, n_awards), rng.integers(0, n_firms, n_awards))
    day = rng.integers(16_500, 20_000, n_awards)
    day = np.where((closed[firm] > 0) & (day > closed[firm]), closed[firm] - 30, day)
    moved_to = move(rng, place[firm])
    rows = []
    for k, i in enumerate(firm):
        flags = {kind for kind in SHARES if has[kind][k]}
        where = (moved_to[k], street(rng)) if "moved" in flags else (place[i], streets[i])
        rows.append((award_name(rng, name[i], form[i], front[i], flags), award_address(rng, *where, flags)))
    awards = pa.table({"award_id": np.char.mod("A%06d", np.arange(n_awards)), "name": [r[0] for r in rows],
                       "address": [r[1] for r in rows],
                       "award_date": pa.array(day, pa.int32()).cast(pa.date32())})  # fmt: skip
    pq.write_table(awards, folder / "awards.parquet")
    truth = {"award_id": awards["award_id"], "firm_id": pa.array(ids[firm], mask=has["absent"])}
    pq.write_table(pa.table(truth | {k: pa.array(v) for k, v in has.items()}), folder / "truth.parquet")


def stems(rng: np.random.Generator, n: int) -> np.ndarray:
    """Make names: a third surname and trade with few surnames very common, the rest rarer compounds and coinages."""
    surnames = np.array([a + b for a in KANJI for b in KANJI if a != b])
    order = rng.permutation(len(surnames))
    frequency = 1 / (20 + np.arange(len(order))) ** 0.9
    common = surnames[order[rng.choice(len(order), n, p=frequency / frequency.sum())]]
    rare = np.char.add(surnames[rng.integers(0, len(surnames), n)], rng.choice(KANJI, n))
    coined = rng.choice(KANA, (n, 5))
    coined[np.arange(n), -1] = np.where(rng.random(n) < 0.5, "ー", coined[:, -1])
    kana = coined[:, 0]
    for j in range(1, 5):
        kana = np.char.add(kana, coined[:, j])
    kana = np.where(rng.random(n) < 0.3, np.array([k[:3] for k in kana]), kana)
    old = np.char.add(np.where(rng.random(n) < 0.6, common, rare), rng.choice(TRADES, n))
    return np.where(rng.random(n) < 0.5, old, np.char.add(kana, rng.choice(MODERN, n)))


def cities() -> list[tuple[str, str, str]]:
    """Make some forty cities and towns a prefecture: prefecture, district or "", city."""
    rng = np.random.Generator(np.random.Philox(key=99))
    pairs = [a + b for a in KANJI[:40] for b in KANJI[:40] if a != b]
    made, names = [], iter(rng.permutation(pairs))
    for prefecture in PREFECTURES:
        for j in range(48):
            name = next(names)
            is_town = j % 4 == 3
            made.append(
                (prefecture, f"{name[0]}{KANJI[j % 9]}郡" if is_town else "", name + ("町" if is_town else "市"))
            )
    return made


CITIES = cities()


def places(rng: np.random.Generator, n: int) -> tuple[np.ndarray, list[tuple]]:
    """Draw a city of very uneven size and a street for each firm."""
    size = 1 / (1 + np.random.Generator(np.random.Philox(key=98)).permutation(len(CITIES))) ** 0.7
    return rng.choice(len(CITIES), n, p=size / size.sum()), streets_of(rng, n)


def streets_of(rng: np.random.Generator, n: int) -> list[tuple]:
    towns = np.char.add(
        np.char.add(rng.choice(KANJI, n), rng.choice(KANJI, n)), rng.choice(["町", "", "台", "ケ丘", "本町"], n)
    )
    marks = np.where(rng.random(n) < 0.15, "大字", "")
    return list(
        zip(
            towns,
            marks,
            rng.integers(0, 8, n).tolist(),
            rng.integers(1, 60, n).tolist(),
            rng.integers(0, 30, n).tolist(),
            strict=True,
        )
    )


def street(rng: np.random.Generator) -> tuple:
    return streets_of(rng, 1)[0]


def full(parts: tuple) -> str:
    """Write a street as the register does."""
    town, mark, block, lot, house = parts
    numbers = (
        f"{block}丁目{lot}番" + (f"{house}号" if house else "")
        if block
        else f"{lot}番地" + (f"{house}" if house else "")
    )
    return mark + town + numbers.translate(WIDE)


def award_name(rng: np.random.Generator, stem: str, form: int, is_front: bool, flags: set[str]) -> str:
    name = str(stem)
    if "short" in flags and len(name) > 4:
        name = name[:-2] if rng.random() < 0.7 else name[2:]
    if "typo" in flags:
        j = int(rng.integers(0, len(name)))
        name = name[:j] + (str(rng.choice(KANJI)) if rng.random() < 0.5 else "") + name[j + 1 :]
    if "old" in flags:
        name = name.translate(OLD)
    if rng.random() < 0.1:
        name = name.replace("ー", "－")
    written, gap = FORMS[form][int(rng.integers(0, 4))], ["", "", "　", " "][int(rng.integers(0, 4))]
    return written + gap + name if is_front else name + gap + written


def award_address(rng: np.random.Generator, place: int, parts: tuple, flags: set[str]) -> str:
    prefecture, district, city = CITIES[place]
    town, mark, block, lot, house = parts
    if "only_prefecture" in flags:
        return prefecture
    head = ("" if "no_prefecture" in flags else prefecture) + (district if rng.random() < 0.5 else "") + city
    if "only_city" in flags:
        return head
    if "digit" in flags:
        lot = lot + int(rng.integers(1, 9))
    mark = mark if rng.random() < 0.5 else ""
    style = rng.integers(0, 4)
    numbers = [n for n in (block, lot, house) if n]
    if style == 0:
        tail = full((town, mark, block, lot, house))
    elif style == 1 and block:
        tail = mark + town + f"{DIGITS[block]}丁目" + "－".join(map(str, numbers[1:]))
    else:
        tail = mark + town + "-－‐–ー"[int(rng.integers(0, 5))].join(map(str, numbers))
    return (head + (tail.translate(WIDE) if style == 2 else tail)).translate(OLD if "old" in flags else {})


def move(rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """Draw former places: half in the same city, three in ten elsewhere in the prefecture, the rest anywhere."""
    prefecture = np.array([PREFECTURES.index(c[0]) for c in CITIES])
    first, count = np.searchsorted(prefecture, prefecture[place]), np.bincount(prefecture)[prefecture[place]]
    near = first + (rng.random(len(place)) * count).astype(int)
    how = rng.random(len(place))
    return np.where(how < 0.5, place, np.where(how < 0.8, near, rng.integers(0, len(CITIES), len(place))))


def show(folder: Path, run: dict) -> None:
    links, truth = (
        pq.read_table(folder / "links.parquet").to_pandas(),
        pq.read_table(folder / "truth.parquet").to_pandas(),
    )
    is_linked, is_right = links["firm_id"].notna(), links["firm_id"].notna() & (links["firm_id"] == truth["firm_id"])
    in_register = truth["firm_id"].notna()
    print(f"{datetime.timedelta(seconds=round(run['seconds']))} wall, peak {run['peak_gib']:.2f} GiB")
    print(f"precision {is_right.sum() / is_linked.sum():.4%} ({is_right.sum():,} of {is_linked.sum():,} links)")
    print(
        f"recall    {is_right.sum() / in_register.sum():.4%} "
        f"({is_right.sum():,} of {in_register.sum():,} awards with a firm)"
    )
    for (status, rule), rows in links.groupby(["status", "rule"], dropna=False):
        right = f", {is_right[rows.index].mean():.3%} right" if status == "linked" else ""
        print(f"  {status:<10} {rule!s:<24} {len(rows):>8,} awards, {len(rows) / len(links):6.2%}{right}")
    exact = (links["status"] == "linked") & links["rule"].str.startswith("exact").fillna(False)
    print(
        f"links by exact rules {exact.sum() / is_linked.sum():.2%}, by Splink {1 - exact.sum() / is_linked.sum():.2%}"
    )
    for kind in SHARES:
        rows = truth[kind]
        print(f"  {kind:<16} {rows.sum():>7,} awards: {is_right[rows].mean():7.2%} right, "
              f"{(is_linked & ~is_right)[rows].mean():6.2%} wrong")  # fmt: skip


if __name__ == "__main__":
    main()
