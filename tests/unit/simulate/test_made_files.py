"""Made-up files tell of no firm, are read back as they were made, and what is read wrongly is caught."""

import csv
import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import plans
import rehearsals
import small_study
from evalkit import run
from evalkit.errors import ManyErrors, StudyError, each
from evalkit.etl.shapes import cohort_sizes, quantiles, require_makeable, rounded, study_shape
from evalkit.model.rehearsal import Rehearsal
from evalkit.model.source_shape import ColumnShape
from evalkit.simulate.file_rehearsal import misread, rehearse_files, require_own_folder, written
from evalkit.simulate.made_files import MadeFirms, between, in_file, texts, told_outcomes
from evalkit.simulate.rehearsal import Stages
from evalkit.simulate.stand_ins import Supposed
from evalkit.stats.noise import Noise

LAW = {"sales": Supposed(Noise(11.0, 0.02, 0.5, 0.1, 0.5, 0.05), {})}
PATH = {"sales": np.array([0.1, 0.2])}
SECRET = "株式会社実在"


def rich(tables: dict[str, small_study.Rows]) -> None:
    """Give firms names, a rare industry, a column nobody reads, and awards amounts of their own."""
    for i, row in enumerate(tables["firms"]):
        row |= {"firm_name": f"{SECRET}{i}", "memo": f"{SECRET}のメモ", "industry": "希少" if i < 3 else "AB"[i % 2]}
    for i, row in enumerate(tables["awards"]):
        row["交付決定額"] = str(1_234_567 + 1_111 * i)
    tables["awards"] += [
        {**tables["awards"][0], "award_id": f"B{i}", "firm_id": small_study.corporate_number(i), "programme": "P2"}
        for i in range(30, 42)
    ]


def makeable(folder: Path, change=lambda text: text, spoil=rich):
    """Write a study; return it, its root and its shape."""
    study = run.load_study(plans.write(folder, change, spoil))
    require_makeable(study, folder)
    return study, study_shape(study, folder, run.build(study, folder, is_sealed=True))


def rows(path: Path) -> small_study.Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [*csv.DictReader(file)]


def test_files_have_the_columns_of_the_study_and_nothing_of_its_firms(tmp_path: Path) -> None:
    study, shape = makeable(tmp_path)
    MadeFirms(study, shape, LAW).write(tmp_path / "made", 1, PATH)
    real = {small_study.corporate_number(i) for i in range(small_study.N_FIRMS)}
    for name in ("awards", "firms", "firm_years"):
        own, made = rows(tmp_path / f"data/{name}.csv"), rows(tmp_path / f"made/data/{name}.csv")
        assert [*made[0]] == [*own[0]]
        assert not real & {row["firm_id"] for row in made}
    firms, awards = rows(tmp_path / "made/data/firms.csv"), rows(tmp_path / "made/data/awards.csv")
    assert {row["industry"] for row in firms} == {"A", "B"}
    assert {row["memo"] for row in firms} == {""}
    assert not any(SECRET in path.read_text("utf-8-sig") for path in (tmp_path / "made").rglob("*.csv"))
    amounts = {row["交付決定額"] for row in rows(tmp_path / "data/awards.csv")}
    assert not amounts & {row["交付決定額"] for row in awards}
    assert {row["programme"] for row in awards} == {"P1", "P2"}
    assert len({row["award_id"] for row in awards}) == len(awards)


def test_what_is_read_is_what_was_made_and_else_it_is_told(tmp_path: Path) -> None:
    study, shape = makeable(tmp_path)
    firms = MadeFirms(study, shape, LAW)
    firms.write(tmp_path / "made", 1, PATH)
    panel, made = run.build(study, tmp_path / "made"), firms.values(1, PATH)
    assert panel.n_firms == sum(shape.cohorts.values())
    assert [*misread(panel, firms, made, "planted")] == []
    late = study.model_copy(update={"period": study.period.model_copy(update={"fiscal_year_start": "10-01"})})
    (wrong,) = misread(run.build(late, tmp_path / "made"), firms, made, "planted")
    assert wrong.key == "files_cohorts"
    source = study.sources.firm_years.model_copy(update={"unit": {"sales": "thousand_yen"}})
    path = tmp_path / "made/data/firm_years.csv"
    path.write_text("\r\n".join(line.partition(".")[0] for line in path.read_text("utf-8").splitlines()), "utf-8")
    dear = study.model_copy(update={"sources": study.sources.model_copy(update={"firm_years": source})})
    (wrong,) = misread(run.build(dear, tmp_path / "made"), firms, made, "planted")
    assert (wrong.key, wrong.outcome) == ("files_values", "sales")


def test_the_effect_is_in_the_files_and_only_from_the_award_on(tmp_path: Path) -> None:
    """Against the same draws without an effect."""
    study, shape = makeable(tmp_path)
    firms = MadeFirms(study, shape, LAW)
    with_it, without = (np.log(firms.values(1, path)["sales"]) for path in (PATH, {}))
    years = np.array(study.period.labels)
    time = np.where(firms.cohort[:, None] > 0, years - firms.cohort[:, None], -1)
    expected = np.select([time < 0, time == 0], [0.0, 0.1], 0.2)
    known = ~np.isnan(without)
    assert (with_it - without)[known] == pytest.approx(expected[known], abs=1e-9)
    assert 0 < 1 - known.mean() < 0.1


def test_same_bytes_again_and_whatever_the_order_of_rows(tmp_path: Path) -> None:
    found = []
    for name, spoil in (("a", rich), ("b", lambda t: (rich(t), [r.reverse() for r in t.values()]))):
        study, shape = makeable(tmp_path / name, spoil=spoil)
        for arm in ("null", "planted"):
            MadeFirms(study, shape, LAW).write(tmp_path / name / "made" / arm, 1, PATH)
        (tmp_path / name / "made/truth.json").write_text("{}")
        found.append(written(tmp_path / name / "made", shape))
    assert found[0] == found[1]
    hashes = found[0]
    assert all(hashes[f"null/data/{n}.csv"] == hashes[f"planted/data/{n}.csv"] for n in ("awards", "firms"))


def test_encodings_types_and_date_orders_are_the_files_own(tmp_path: Path) -> None:
    """CP932 awards with days first, firms with a mark, firm-years in Parquet with whole thousands."""
    plans.write(tmp_path, str, rich)
    data = tmp_path / "data"
    text = (data / "awards.csv").read_text("utf-8")
    for year in ("2016", "2017"):
        text = text.replace(f"{year}-06-01", f"01/06/{year}")
    (data / "awards.csv").write_bytes(text.encode("cp932"))
    (data / "firms.csv").write_bytes((data / "firms.csv").read_text("utf-8").encode("utf-8-sig"))
    years = rows(data / "firm_years.csv")
    columns = {"firm_id": pa.array([r["firm_id"] for r in years])}
    columns |= {n: pa.array([int(r[n]) for r in years], pa.int32()) for n in ("fiscal_year", "sales")}
    pq.write_table(pa.table(columns), data / "firm_years.parquet")
    changed = small_study.STUDY.replace('firm_years.csv"', 'firm_years.parquet"\nunit.sales = "thousand_yen"')
    changed = changed.replace('path = "data/awards.csv"', 'path = "data/awards.csv"\ndate_order = "dmy"')
    (tmp_path / "study.toml").write_text(changed, "utf-8")
    study = run.load_study(tmp_path / "study.toml")
    shape = study_shape(study, tmp_path, run.build(study, tmp_path, is_sealed=True))
    law = {"sales": dataclasses.replace(LAW["sales"], noise=dataclasses.replace(LAW["sales"].noise, mean=17.0))}
    firms = MadeFirms(study, shape, law)
    firms.write(tmp_path / "made", 1, PATH)
    assert (tmp_path / "made/data/firms.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "交付決定日" in (tmp_path / "made/data/awards.csv").read_bytes().decode("cp932")
    assert pq.read_schema(tmp_path / "made/data/firm_years.parquet").field("sales").type == pa.int32()
    assert [*misread(run.build(study, tmp_path / "made"), firms, firms.values(1, PATH), "planted")] == []


@pytest.mark.parametrize(("scheme", "letter", "start"), [
    ("invoice_number", "T", "T1999"), ("corporate_or_invoice", "T", "1999"), ("other", "", "1999"),
])  # fmt: skip
def test_ids_are_of_the_scheme(tmp_path: Path, scheme: str, letter: str, start: str) -> None:
    def spoil(tables: dict[str, small_study.Rows]) -> None:
        for row in (row for table in tables.values() for row in table):
            row["firm_id"] = letter + row["firm_id"]

    declared = f'firm_scheme = "{scheme}"\nlayout = "generic-'
    study, shape = makeable(tmp_path, lambda text: text.replace('layout = "generic-', declared), spoil)
    firms = MadeFirms(study, shape, LAW)
    firms.write(tmp_path / "made", 1, PATH)
    assert rows(tmp_path / "made/data/firms.csv")[0]["firm_id"].startswith(start)
    assert [*misread(run.build(study, tmp_path / "made"), firms, firms.values(1, PATH), "planted")] == []


@pytest.mark.parametrize(("counts", "told"), [
    ({0: 52, 2016: 12, 2017: 13}, {0: 50, 2016: 10, 2017: 15}),
    ({0: 52, 2016: 4, 2017: 9, 2018: 20, 2019: 2}, {0: 50, 2017: 15, 2018: 20}),
    ({0: 3, 2016: 4}, {0: 10, 2016: 10}), ({2016: 11, 2017: 10}, {2016: 10, 2017: 10}),
])  # fmt: skip
def test_no_small_cohort_is_told(counts: dict[int, int], told: dict[int, int]) -> None:
    cohort = np.repeat([*counts], [*counts.values()]).astype(np.int32)
    assert cohort_sizes(cohort, 10) == told


def test_quantiles_have_enough_firms_around_them() -> None:
    values = np.arange(1000.0, 1095.0)
    found = quantiles(values, 10)
    assert len(found) == 8
    cells = np.searchsorted(values, np.quantile(values, np.arange(1, 9) / 9))
    assert np.diff([0, *cells, len(values)]).min() >= 10
    assert quantiles(values[:19], 10) == ()
    assert [rounded(n) for n in (10, 12, 13, 17, 18)] == [10, 10, 15, 15, 20]


def test_numbers_are_the_lowest_and_two_digits_of_what_is_more() -> None:
    column = ColumnShape("x", "x", "number", grid=(1940.0, 1990.0, 2010.0), is_whole=True)
    assert between(np.array([0.0, 0.25, 0.9]), column).tolist() == [1940.0, 1965.0, 2006.0]
    money = dataclasses.replace(column, grid=(1e6, 9e6), unit="thousand_yen")
    assert texts(in_file(between(np.array([0.0, 0.12345]), money), money)) == ["1000", "1990"]
    assert texts(np.array([0.5, np.nan])) == ["0.500000", ""]


def test_of_outcomes_of_one_column_the_primary_one_is_followed(tmp_path: Path) -> None:
    more = '[[outcome]]\nname = "turnover"\ncolumn = "sales"\ntransform = "level"\n[[outcome]]\nname = "sales"'
    study, _ = makeable(tmp_path, lambda text: text.replace('[[outcome]]\nname = "sales"', more))
    assert [o.name for o in told_outcomes(study)] == ["sales"]


def test_what_files_cannot_stand_for_is_refused_by_name(tmp_path: Path) -> None:
    study, _ = makeable(tmp_path)
    firms = study.sources.firms.model_copy(update={"layout": "gbizinfo-basic"})
    years = study.sources.firm_years.model_copy(update={"combine": "sum", "firm_scheme": "duns"})
    sources = study.sources.model_copy(update={"firms": firms, "firm_years": years})
    odd = study.model_copy(update={"sources": sources, "link": study.link.model_copy(update={"method": "exact"})})
    with pytest.raises(ManyErrors) as refused:
        require_makeable(odd, tmp_path)
    named = ("link.method", "sources.firms.layout", "sources.firm_years.combine", "sources.firm_years.firm_scheme")
    found = each(refused.value)
    assert {error.where for error in found} == set(named)
    assert {error.code for error in found} == {"E_OPTION"}
    with pytest.raises(StudyError, match="E_OPTION"):
        require_own_folder(tmp_path)
    require_own_folder(tmp_path / "new")


def quiet(study) -> tuple[Rehearsal, Stages]:
    """Return what `rehearse` would have found, and the study's stages without checks and report."""
    supposed = {"sales": {**dataclasses.asdict(LAW["sales"].noise), "source": {}, "effect": [0.1, 0.2]}}
    found = Rehearsal(study.id, "sales", "group_time", 0.05, 0.8, 50, 0.95, (), supposed, {}, ())
    return found, Stages(partial(run.match_study, study), run.estimate_study, rehearsals.nothing)


def test_both_arms_are_recovered_and_a_wrong_reading_or_a_refusal_fails(tmp_path: Path) -> None:
    study, shape = makeable(tmp_path)
    found, stages = quiet(study)
    sound = rehearse_files(study, shape, found, stages, partial(run.build, study), tmp_path / "made")
    assert sound.is_recovered, sound.failures
    assert [(r.arm, r.is_covered) for r in sound.rows] == [("null", True), ("planted", True)]
    assert [r.effect for r in sound.rows] == [0.0, pytest.approx(0.17, abs=0.02)]
    late = study.model_copy(update={"period": study.period.model_copy(update={"fiscal_year_start": "10-01"})})
    wrong = rehearse_files(study, shape, found, stages, partial(run.build, late), tmp_path / "made")
    assert {(f.key, f.arm) for f in wrong.failures} >= {("files_cohorts", "null"), ("files_cohorts", "planted")}
    assert "planted/data/firms.csv" in wrong.sha256
    other = study.model_copy(update={"treatment": study.treatment.model_copy(update={"programme": ("P9",)})})
    refused = rehearse_files(study, shape, found, stages, partial(run.build, other), tmp_path / "made")
    assert {(f.key, f.value) for f in refused.failures} == {("files_refused", "E_NO_TREATED")}


def test_an_estimate_that_is_off_fails(tmp_path: Path) -> None:
    """Half of the planted effect is taken away from what is estimated."""
    study, shape = makeable(tmp_path)
    found, stages = quiet(study)

    def halved(spec, sample):
        effects = stages.estimate(spec, sample)
        return dataclasses.replace(effects, table=effects.table.assign(estimate=effects.table["estimate"] / 2))

    off = dataclasses.replace(stages, estimate=halved)
    big = dataclasses.replace(found, supposed={"sales": {**found.supposed["sales"], "effect": [1.0]}})
    told = rehearse_files(study, shape, big, off, partial(run.build, study), tmp_path / "made")
    assert [(f.key, f.arm) for f in told.failures] == [("files_off", "planted")]
    assert told.failures[0].value == pytest.approx(told.rows[1].off)
    assert told.rows[1].off < -4


@pytest.mark.slow
def test_the_whole_rehearsal_on_files(tmp_path: Path, cli) -> None:
    study = plans.write(tmp_path, lambda text: plans.complete(text) + "\n[rehearsal]\nreplications = 50\n")
    asked = ("rehearse", study, "--root", tmp_path, "--out", tmp_path / "out", "--files", tmp_path / "made")
    answer = cli(*asked)
    assert answer.code == 0, answer.err
    assert "From made-up files in the study's own columns to the report, 2 estimates" in answer.out
    record = json.loads((tmp_path / "out/small/rehearsal/rehearsal.json").read_text("utf-8"))
    assert record["files"]["is_recovered"]
    assert {(r["arm"], r["is_near"]) for r in record["files"]["rows"]} == {("null", True), ("planted", True)}
    before = small_study.tree(tmp_path / "made")
    again = cli(*asked)
    assert (again.code, "nothing changed" in again.out) == (0, True)
    (tmp_path / "made/null/data/awards.csv").unlink()
    once_more = cli(*asked)
    assert (once_more.code, "nothing changed" in once_more.out) == (0, False)
    assert small_study.tree(tmp_path / "made") == before
