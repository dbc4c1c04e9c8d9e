"""Japan as tiles: a place for each prefecture, near its neighbours."""

import re

GRID = """
.. .. .. .. .. .. .. .. .. .. .. .. 01 ..
.. .. .. .. .. .. .. .. .. .. .. .. 02 ..
.. .. .. .. .. .. .. .. .. .. .. 05 03 ..
.. .. .. .. .. .. .. .. .. .. .. 06 04 ..
.. .. .. .. .. .. .. .. .. 17 16 15 07 ..
.. .. .. .. 32 31 28 26 18 21 20 10 09 08
.. .. .. 35 34 33 27 29 25 23 19 11 13 12
42 41 40 .. .. .. .. 30 24 .. 22 14 .. ..
.. 43 44 .. 38 37 .. .. .. .. .. .. .. ..
.. 46 45 .. 39 36 .. .. .. .. .. .. .. ..
47 .. .. .. .. .. .. .. .. .. .. .. .. ..
"""
"""Codes of JIS X 0401, from north to south and west to east."""
NAMES = """
01 北海道 Hokkaido HKD|02 青森 Aomori AOM|03 岩手 Iwate IWT|04 宮城 Miyagi MYG|05 秋田 Akita AKT|06 山形 Yamagata YGT
07 福島 Fukushima FKS|08 茨城 Ibaraki IBR|09 栃木 Tochigi TCG|10 群馬 Gunma GNM|11 埼玉 Saitama SIT|12 千葉 Chiba CHB
13 東京 Tokyo TKY|14 神奈川 Kanagawa KNG|15 新潟 Niigata NGT|16 富山 Toyama TYM|17 石川 Ishikawa IKW|18 福井 Fukui FKI
19 山梨 Yamanashi YMN|20 長野 Nagano NGN|21 岐阜 Gifu GIF|22 静岡 Shizuoka SZO|23 愛知 Aichi AIC|24 三重 Mie MIE
25 滋賀 Shiga SIG|26 京都 Kyoto KYT|27 大阪 Osaka OSK|28 兵庫 Hyogo HYG|29 奈良 Nara NAR|30 和歌山 Wakayama WKY
31 鳥取 Tottori TTR|32 島根 Shimane SMN|33 岡山 Okayama OKY|34 広島 Hiroshima HRS|35 山口 Yamaguchi YGC
36 徳島 Tokushima TKS|37 香川 Kagawa KGW|38 愛媛 Ehime EHM|39 高知 Kochi KOC|40 福岡 Fukuoka FKO|41 佐賀 Saga SAG
42 長崎 Nagasaki NGS|43 熊本 Kumamoto KMM
44 大分 Oita OIT|45 宮崎 Miyazaki MYZ|46 鹿児島 Kagoshima KGS|47 沖縄 Okinawa OKN
"""
"""Code, Japanese name without its ending, English name, and three letters for a tile."""
PLACES = {
    code: (x, y) for y, row in enumerate(GRID.split("\n")[1:-1]) for x, code in enumerate(row.split()) if code != ".."
}
"""Column and row of each prefecture."""
SHORT = {
    "ja": {row.split()[0]: row.split()[1] for row in re.split(r"[|\n]", NAMES.strip())},
    "en": {row.split()[0]: row.split()[3] for row in re.split(r"[|\n]", NAMES.strip())},
}
"""What stands on a tile, by language and code."""
ENDING = re.compile(r"(?<=.)(?<!北海)[都道府県]$|[- ](?:to|fu|ken|prefecture)$")
CODES = {
    name: row.split()[0]
    for row in re.split(r"[|\n]", NAMES.strip())
    for name in (row.split()[0], row.split()[1], row.split()[2].lower())
}


def prefecture_code(text: str) -> str | None:
    """Return the code of a prefecture from its code or its name in Japanese or English; None where it is neither.

    Examples
    --------
    >>> [prefecture_code(text) for text in ("東京都", "京都", "北海道", "Osaka-fu", "1", "中野区")]
    ['13', '26', '01', '27', '01', None]
    """
    plain = text.strip().lower()
    plain = plain.zfill(2) if plain.isdecimal() else plain
    return CODES.get(plain) or CODES.get(ENDING.sub("", plain))
