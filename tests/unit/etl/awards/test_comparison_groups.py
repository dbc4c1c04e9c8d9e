"""Comparison groups from award lists, through `build`."""

import pytest

import evalkit as ek
import small_study as small

LADDER = """
[[comparison]]
name = "near_miss"
of = "applicants"
stages = ["不採択"]
score = "points"
least = 55
most = 60
[[comparison]]
name = "rejected"
of = "applicants"
stages = ["rejected"]
[[comparison]]
name = "light_touch"
of = "others"
programme = ["P2"]
[[comparison]]
name = "never_applied"
of = "never_applied"
"""


def spoil(rows: dict[str, small.Rows]) -> None:
    """Firms 24 to 29 were rejected, 24 to 26 with 58 points; 30 to 33 have P2, 30 was rejected too; 34 withdrew."""
    for row in rows["awards"]:
        row |= {"stage": "交付決定", "points": "70"}
    made = [(i, "P1", "不採択", "58" if i < 27 else "40") for i in (*range(24, 30), 30)]
    made += [(i, "P2", "交付決定", "") for i in range(30, 34)] + [(34, "P1", "辞退", "")]
    made += [(0, "P1", "不採択", "58")]
    for n, (i, programme, stage, points) in enumerate(made):
        rows["awards"].append({
            "award_id": f"B{n}", "firm_id": small.corporate_number(i), "programme": programme, "stage": stage,
            "points": points, "交付決定日": "2015-06-01", "交付決定額": "500",
        })  # fmt: skip


LIMITS = "[limits]\nquarantined_rows = 1\nquarantined_amount = 1\n"


def built(folder, text: str = LADDER) -> ek.Panel:
    def study(whole: str) -> str:
        return whole.replace("[[outcome]]", f"{text}\n[[outcome]]", 1) + LIMITS

    return ek.build(ek.load_study(small.write(folder, spoil, study)), folder)


def groups(panel: ek.Panel) -> dict[str, list[int]]:
    number = {small.corporate_number(i): i for i in range(small.N_FIRMS)}
    found: dict[str, list[int]] = {}
    for firm, group in zip(panel.firm.to_pylist(), panel.read([panel.pool]).column(0).to_pylist(), strict=True):
        found.setdefault(group or "", []).append(number[firm])
    return {name: sorted(firms) for name, firms in found.items()}


def test_each_untreated_firm_is_in_the_first_group_that_takes_it(tmp_path) -> None:
    """Firm 0 was rejected before its award: it is treated. Firm 34 withdrew: it applied, and was not rejected."""
    assert groups(built(tmp_path)) == {
        "": [*range(24), 34], "near_miss": [24, 25, 26], "rejected": [27, 28, 29, 30], "light_touch": [31, 32, 33],
        "never_applied": list(range(35, 60)),
    }  # fmt: skip


def test_order_of_groups_decides(tmp_path) -> None:
    parts = LADDER.split("[[comparison]]")
    swapped = "[[comparison]]".join([parts[0], parts[3], parts[1], parts[2], parts[4]])
    found = groups(built(tmp_path, swapped))
    assert found["light_touch"] == [30, 31, 32, 33]
    assert found["rejected"] == [27, 28, 29]


def test_nothing_else_changes(tmp_path) -> None:
    plain, named = built(tmp_path / "a", ""), built(tmp_path / "b")
    assert plain.pool == ""
    names = plain.column_names
    assert named.read(names).equals(plain.read(names))
    assert set(named.column_names) - set(names) == {"comparison"}
    assert [s.to_dict() for s in named.flow.steps] == [s.to_dict() for s in plain.flow.steps]


def test_a_group_without_firms_is_refused_with_its_counts(tmp_path) -> None:
    text = LADDER.replace('"不採択"', '"取消"')
    with pytest.raises(ek.EvalkitError) as caught:
        built(tmp_path, text)
    assert caught.value.code == "E_NO_CONTROL"
    assert "near_miss" in caught.value.where
    assert small.corporate_number(24) not in str(caught.value)


@pytest.mark.parametrize("spoilt", [
    'name = "a"\nof = "never_applied"\nstages = ["rejected"]', 'name = "a"\nof = "others"',
    'name = "a"\nof = "applicants"\nscore = "points"', 'name = "A b"\nof = "never_applied"', 'name = "a"\nof = "some"',
])  # fmt: skip
def test_declarations_that_make_no_sense_are_refused(tmp_path, spoilt: str) -> None:
    with pytest.raises((ek.EvalkitError, ExceptionGroup)):
        built(tmp_path, f"[[comparison]]\n{spoilt}\n")


def test_a_column_that_the_awards_lack_is_named(tmp_path) -> None:
    with pytest.raises((ek.EvalkitError, ExceptionGroup)) as caught:
        built(tmp_path, LADDER.replace('"points"', '"marks"'))
    assert "marks" in "".join(map(str, getattr(caught.value, "exceptions", [caught.value])))
