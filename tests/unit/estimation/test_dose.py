import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import evalkit as ek
import twins

EXACT = 1e-10


def made(table: pd.DataFrame, dose: dict[str, float | None]) -> ek.Panel:
    """Panel with the amount of each treated firm."""
    p = twins.panel(table)
    amounts = pa.array([dose.get(f) for f in p.firm.to_pylist()], pa.float64())
    return dataclasses.replace(p, source=p.source.append_column("dose", amounts), dose="dose")


def doses(table: pd.DataFrame, seed: int = 1) -> dict[str, float | None]:
    one = table.drop_duplicates("firm").query("g > 0")
    return dict(zip(one["firm"], np.random.default_rng(seed).uniform(1e6, 9e6, len(one)), strict=True))


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_each_bin_is_compared_with_all_controls_and_their_covariance_is_joint(missing: float) -> None:
    table = twins.frame(240, missing=missing)
    dose = doses(table)
    found = ek.estimate(ek.match(made(table, dose)), "dose", cuts=(3e6, 6e6))
    firms, own_dose = sorted(table["firm"].unique()), table["firm"].map(dose)
    psi = np.zeros((len(firms), len(found.table)))
    for name, low, high in (("< 3,000,000", 0, 3e6), ("3,000,000 - 6,000,000", 3e6, 6e6), ("6,000,000 +", 6e6, np.inf)):
        part = table[(table["g"] == 0) | ((own_dose >= low) & (own_dose < high))]
        cells, b, influence = twins.group_time(part)
        rows = np.flatnonzero(found.table["group"] == name)
        assert found.table[["cohort", "year"]].astype(int).to_numpy()[rows].tolist() == cells.to_numpy().tolist()
        np.testing.assert_allclose(found.table["estimate"].to_numpy()[rows], b, atol=EXACT)
        psi[np.ix_([firms.index(f) for f in sorted(part["firm"].unique())], rows)] = influence
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=EXACT)


def test_an_effect_that_grows_with_the_amount_is_recovered_by_bin() -> None:
    table = twins.frame(300, noise=0.0, effect=0.0)
    dose = doses(table)
    amount = table["firm"].map(dose).fillna(0.0)
    step = np.searchsorted([3e6, 6e6], amount, side="right") + 1
    hit = (table["g"] > 0) & (table["year"] >= table["g"])
    panel = made(table.assign(y=table["y"] + hit * step), dose)
    found = ek.aggregate(ek.estimate(ek.match(panel), "dose", cuts=(3e6, 6e6)), "group").table
    assert dict(zip(found["group"], found["estimate"].round(9), strict=True)) == {
        "< 3,000,000": 1.0, "3,000,000 - 6,000,000": 2.0, "6,000,000 +": 3.0,
    }  # fmt: skip


def test_quantiles_make_bins_of_like_size_and_show_no_firms_amount() -> None:
    table = twins.frame(300)
    dose = doses(table)
    found = ek.estimate(ek.match(made(table, dose)), "dose", bins=4).table
    assert found["group"].nunique() == 4
    counts = found[found["event_time"] == 0].groupby("group")["n_treated"].sum()
    assert counts.max() - counts.min() < 0.25 * counts.sum()
    shown = {float(part.replace(",", "")) for name in set(found["group"]) for part in name.strip("<+ ").split(" - ")}
    assert not shown & set(dose.values())
    assert all(float(f"{cut:.2g}") == cut for cut in shown)


def test_firms_without_a_known_amount_are_counted_and_left_out() -> None:
    table = twins.frame(240)
    dose = doses(table)
    lost = sorted(dose)[:7]
    found = ek.estimate(ek.match(made(table, dose | dict.fromkeys(lost))), "dose", cuts=(5e6,))
    assert "unknown_dose:7" in found.notes
    rest = table[~table["firm"].isin(lost)]
    again = ek.estimate(ek.match(made(rest, dose)), "dose", cuts=(5e6,))
    np.testing.assert_allclose(found.table["estimate"], again.table["estimate"], atol=1e-9)


def test_order_and_names_of_firms_change_no_bit() -> None:
    table = twins.frame(200, missing=0.1)
    dose = doses(table)
    name = {f: f"Z{9999 - int(f[1:])}" for f in table["firm"].unique()}
    other = made(table.assign(firm=table["firm"].map(name)), {name[f]: v for f, v in dose.items() if f in name})
    first, second = (ek.estimate(ek.match(p), "dose") for p in (made(table, dose), other))
    assert first.vcov.tobytes() == second.vcov.tobytes()
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_bins_agree_when_the_amount_does_not_matter() -> None:
    table = twins.frame(1500, noise=0.3)
    by_bin = ek.aggregate(ek.estimate(ek.match(made(table, doses(table))), "dose", bins=2), "group")
    contrast = ek.combine(by_bin, {"large less small": np.array([1.0, -1.0])}).table.iloc[0]
    assert abs(contrast["estimate"]) < 4 * contrast["std_error"]


@pytest.mark.parametrize(("options", "code"), [
    ({"cuts": (1e9,)}, "E_DOSE"), ({"cuts": (3e6, 2e6)}, "E_OPTION"), ({"bins": 1}, "E_OPTION"),
])  # fmt: skip
def test_bins_that_part_nothing_are_refused(options: dict, code: str) -> None:
    table = twins.frame()
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(ek.match(made(table, doses(table))), "dose", **options)
    assert caught.value.code == code


def test_without_amounts_there_is_nothing_to_part() -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(ek.match(twins.panel(twins.frame())), "dose")
    assert caught.value.code == "E_OPTION"


@pytest.mark.parametrize("by", ["overall", "group", "event_time"])
def test_averages_count_each_bin_by_its_firms_and_the_error_of_that(by: str) -> None:
    """Against a mean of firms: the influence of an average is that of its cells and of its weights, by hand."""
    table = twins.frame(240)
    dose = doses(table)
    found = ek.estimate(ek.match(made(table, dose)), "dose", cuts=(3e6,))
    cells = found.table
    after = cells[(cells["event_time"] >= 0)] if by != "event_time" else cells
    firms, one = sorted(table["firm"].unique()), table.drop_duplicates("firm").set_index("firm")
    psi = np.zeros((len(firms), len(cells)))
    amount = table["firm"].map(dose)
    for name, own in (("< 3,000,000", amount < 3e6), ("3,000,000 +", amount >= 3e6)):
        part = table[(table["g"] == 0) | own]
        rows = np.flatnonzero(cells["group"] == name)
        psi[np.ix_([firms.index(f) for f in sorted(part["firm"].unique())], rows)] = twins.group_time(part)[2]
    averaged = ek.aggregate(found, by)
    for r, row in enumerate(averaged.table.itertuples()):
        inside = after if by == "overall" else after[after[by] == getattr(row, by)]
        member = {}
        for i, cell in inside.iterrows():
            is_own = (one["g"].reindex(firms) == cell["cohort"]).to_numpy()
            amounts = np.array([dose.get(f, np.nan) for f in firms])
            member[i] = is_own & ((amounts < 3e6) == (cell["group"] == "< 3,000,000"))
        mass = np.array([m.sum() for m in member.values()])
        share, value = mass / mass.sum(), inside["estimate"].to_numpy(dtype=float)
        assert row.estimate == pytest.approx(share @ value, abs=EXACT)
        of_weights = sum(m * (v - share @ value) for m, v in zip(member.values(), value, strict=True)) / mass.sum()
        whole = psi[:, list(member)] @ share + of_weights
        assert averaged.vcov[r, r] == pytest.approx(whole @ whole, abs=EXACT)


def test_saved_effects_average_as_before(tmp_path) -> None:
    table = twins.frame(240)
    found = ek.estimate(ek.match(made(table, doses(table))), "dose")
    found.save(tmp_path)
    pd.testing.assert_frame_equal(ek.aggregate(found).table, ek.aggregate(ek.Effects.load(tmp_path)).table)
