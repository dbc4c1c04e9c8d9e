"""LNK09: one firm under two ids, found by its name and its address."""

import pyarrow as pa

from evalkit.etl.linking.same_firms import same_firms

ROWS = [
    ("4", "株式会社東海電子", "愛知県豊田市本町１番２号"),
    ("2", "㈱東海電子", "豊田市本町1-2"),  # without the prefecture: not certainly the same place
    ("9", "(株)東海電子", "愛知県豊田市本町1丁目2"),
    ("1", "株式会社 東海電子", "愛知県豊田市本町１－２"),
    ("3", "有限会社東海電子", "愛知県豊田市本町１番２号"),
    ("5", "株式会社東海電子", ""),
    ("6", "株式会社東海電子", ""),
    ("7", "北斗商会", "北海道小樽市色内１丁目１番"),
    ("7", "北斗商会", "北海道小樽市色内１－１"),
    ("8", None, "北海道小樽市色内１－１"),
]


def test_names_and_addresses_written_in_several_ways():
    register = pa.table(dict(zip(("firm_id", "name", "address"), map(list, zip(*ROWS, strict=True)), strict=True)))
    for table in (register, register.take(pa.array(range(len(ROWS))[::-1]))):
        found = same_firms(table).to_pylist()
        assert [(r["group"], r["firm_id"]) for r in found] == [("1", "1"), ("1", "4"), ("1", "9")]
