"""Ids that name another firm than the name and the address do."""

import pyarrow as pa

from evalkit.etl.linking.mismatch import id_mismatches

REGISTER = pa.table({
    "firm_id": ["1", "2", "2", "3"],
    "name": ["株式会社東海電子", "有限会社山田商店", "有限会社山商", "株式会社北斗"],
    "address": ["東京都港区芝１丁目２番３号", "愛知県豊田市本町１番", "愛知県豊田市本町１番",
                "北海道小樽市色内１丁目１番"],
})  # fmt: skip


def test_only_a_name_that_fits_another_firm_at_its_place_is_reported():
    awards = pa.table({
        "award_id": ["right", "former name", "other firm", "unknown id", "only the name fits", "fits nobody", "no id"],
        "firm_id": ["1", "2", "2", "999", "2", "1", None],
        "name": ["㈱東海電子", "山商㈲", "㈱東海電子", "㈱北斗", "㈱東海電子", "㈱無関係", "㈱東海電子"],
        "address": ["港区芝1-2-3", "豊田市本町1", "港区芝1-2-3", "小樽市色内1-1", "", "港区芝1-2-3", "港区芝1-2-3"],
    })  # fmt: skip
    found = id_mismatches(awards, REGISTER).to_pylist()
    assert [(r["award_id"], r["firm_id"], r["suggested_id"]) for r in found] == [
        ("other firm", "2", "1"),
        ("unknown id", "999", "3"),
    ]
    assert {r["code"] for r in found} == {"E_ID_MISMATCH"}
    assert {r["rule"] for r in found} == {"exact:name+address"}
