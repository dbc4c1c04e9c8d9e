"""One header for a column that files call differently."""

from layout_inputs import IDS, column, read, typed


def write(tmp_path, *headers):
    for i, header in enumerate(headers):
        (tmp_path / f"{i}.csv").write_text(f"法人番号,交付決定日,{header}\n{IDS[i]},2021-04-01,{i + 1}\n")


def test_files_of_one_source_may_differ_in_headers_and_units(tmp_path):
    write(tmp_path, "交付決定額（円）", "交付決定額", "交付決定額(千円)")
    found = typed("grant-decisions", tmp_path)
    assert column(found, "amount") == [1, 2, 3000]
    assert found.source.header("amount") == "交付決定額(円)"


def test_the_study_s_header_comes_before_aliases(tmp_path):
    write(tmp_path, "交付決定額,確定額")
    (tmp_path / "0.csv").write_text(f"法人番号,交付決定日,交付決定額,確定額\n{IDS[0]},2021-04-01,5,4\n")
    assert column(typed("grant-decisions", tmp_path, columns={"amount": "確定額"}), "amount") == [4]


def test_each_header_stands_for_one_column(tmp_path):
    (tmp_path / "0.csv").write_text(f"法人番号,補助金交付先名,交付先名,交付決定日\n{IDS[0]},a,b,2021-04-01\n")
    source = read("grant-decisions", tmp_path)
    assert source.texts("firm_name").to_pylist() == ["a"]
    assert source.raw("交付先名").to_pylist() == ["b"]
