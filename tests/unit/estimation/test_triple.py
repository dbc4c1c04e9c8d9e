import numpy as np
import pandas as pd
import pytest

import evalkit as ek
import twins

EXACT = 1e-10


def frame(n: int = 240, *, noise: float = 0.3, missing: float = 0.0, seed: int = 5) -> pd.DataFrame:
    """Eligible firms gain 0.5 from the award; whatever else happens to a cohort after it happens to both kinds."""
    table = twins.frame(n, noise=noise, effect=0.0, missing=missing, seed=seed)
    kind = np.random.default_rng([seed, 1]).choice(["A", "B", "C"], n)[table["firm"].str[1:].astype(int)]
    hit = (table["g"] > 0) & (table["year"] >= table["g"])
    other = hit * (0.3 * (table["g"] - 2012) * (table["year"] - table["g"]))
    years = np.where(kind == "B", 0.1 * (table["year"] - 2011) ** 2, 0.0)
    return table.assign(kind=kind, y=table["y"] + other + years + 0.5 * hit * (kind == "B"))


def panel(table: pd.DataFrame, **roles: object) -> ek.Panel:
    return ek.Panel.from_frame(
        table, firm="firm", year="year", cohort="g", outcomes=["y"], covariates=["kind"], **roles
    )  # fmt: skip


def estimate(table: pd.DataFrame, eligible: tuple[str, ...] = ("B",), **options: object) -> ek.Effects:
    return ek.estimate(ek.match(panel(table)), "triple", category="kind", eligible=eligible, **options)


@pytest.mark.parametrize("base", ["varying", "universal"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_cells_and_covariance_are_a_difference_of_two_differences(base: str, missing: float) -> None:
    table = frame(missing=missing)
    found = estimate(table, base=base)
    firms = sorted(table["firm"].unique())
    psi, estimates = np.zeros((len(firms), len(found.table))), 0.0
    for is_own, sign in ((table["kind"] == "B", 1.0), (table["kind"] != "B", -1.0)):
        cells, b, influence = twins.group_time(table[is_own], base=base)
        psi[[firms.index(f) for f in sorted(table[is_own]["firm"].unique())]] += sign * influence
        estimates = estimates + sign * b
    assert found.table[["cohort", "year"]].astype(int).to_numpy().tolist() == cells.to_numpy().tolist()
    np.testing.assert_allclose(found.table["estimate"], estimates, atol=EXACT)
    np.testing.assert_allclose(found.vcov, psi.T @ psi, atol=EXACT)


def test_what_happens_to_both_kinds_of_a_cohort_is_taken_off() -> None:
    table = frame(noise=0.0)
    after = estimate(table).table.query("event_time >= 0")
    np.testing.assert_allclose(after["estimate"], 0.5, atol=EXACT)
    plain = ek.estimate(ek.match(panel(table[table["kind"] == "B"]))).table.query("event_time > 0")
    assert (plain["estimate"] - 0.5).min() > 0.2
    before = estimate(table).table.query("event_time < 0")
    np.testing.assert_allclose(before["estimate"], 0.0, atol=EXACT)


def test_counts_are_those_of_the_smaller_kind() -> None:
    table = frame()
    one = table.drop_duplicates("firm")
    row = estimate(table).table.iloc[-1]
    own = one[one["g"] == row["cohort"]]["kind"].eq("B")
    never = one[one["g"] == 0]["kind"].eq("B")
    assert row["n_treated"] == min(own.sum(), (~own).sum())
    assert row["n_control"] == min(never.sum(), (~never).sum())


def test_order_and_names_of_firms_change_no_bit_and_means_can_be_taken() -> None:
    table = frame(missing=0.1)
    first = estimate(table)
    renamed = table.sample(frac=1, random_state=3).assign(
        firm=lambda t: t["firm"].map(lambda f: f"Z{9999 - int(f[1:])}")
    )
    second = estimate(renamed)
    assert first.vcov.tobytes() == second.vcov.tobytes()
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
    overall = ek.aggregate(first).table.iloc[0]
    assert abs(overall["estimate"] - 0.5) < 4 * overall["std_error"]


def test_clusters_above_the_firm() -> None:
    table = frame().assign(area=lambda t: t["firm"].str[-1])
    sample = ek.match(panel(table, clusters=["area"]))
    found = ek.estimate(sample, "triple", category="kind", eligible=("B",))
    firms = sorted(table["firm"].unique())
    psi = np.zeros((len(firms), len(found.table)))
    for is_own, sign in ((table["kind"] == "B", 1.0), (table["kind"] != "B", -1.0)):
        psi[[firms.index(f) for f in sorted(table[is_own]["firm"].unique())]] += (
            sign * twins.group_time(table[is_own])[2]
        )
    area = np.array([int(f[-1]) for f in firms])
    sums = np.stack([psi[area == a].sum(axis=0) for a in range(10)])
    np.testing.assert_allclose(found.vcov, sums.T @ sums, atol=EXACT)


@pytest.mark.parametrize(("options", "code"), [
    ({"category": "kind", "eligible": ("X",)}, "E_OPTION"),
    ({"category": "kind", "eligible": ("A", "B", "C")}, "E_OPTION"),
    ({"category": "size", "eligible": ("B",)}, "E_UNKNOWN_NAME"), ({"category": "", "eligible": ("B",)}, "E_OPTION"),
    ({"category": "kind", "eligible": ()}, "E_OPTION"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused(options: dict, code: str) -> None:
    with pytest.raises(ek.EvalkitError) as caught:
        ek.estimate(ek.match(panel(frame())), "triple", **options)
    assert caught.value.code == code


def test_a_kind_without_controls_is_refused() -> None:
    table = frame()
    with pytest.raises(ek.EvalkitError) as caught:
        estimate(table[(table["g"] > 0) | (table["kind"] != "B")])
    assert caught.value.code == "E_NO_CONTROL"
