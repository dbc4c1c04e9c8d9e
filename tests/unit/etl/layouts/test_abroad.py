"""Award data of other countries: the United Kingdom, the European Union, the United States."""

from layout_inputs import column, csv_bytes, typed

UK_OLD = [
    "Subsidy Control Number",
    "Subsidy Measure Title",
    "Subsidy Element Full amount (£)",
    "National ID Type",
    "National ID Number",
    "Beneficiary Name",
    "Legal Granting Date",
    "Spending Region",
]
UK = ["SC Number", "Title", "Full Range", "Full Exact", "ID Type", "ID", "Beneficiary", "Legal Granting Date", "Region"]


def test_uk_subsidies_old_and_current(tmp_path):
    new = [
        "SC10001",
        "Scheme",
        "N/A",
        "250000.50",
        "Company Registration Number",
        "01234567",
        "Firm",
        "2023-05-01",
        "Wales",
    ]
    tax = ["SC10002", "Relief", "60001 - 500000", "N/A", "VAT", "GB1", "Firm", "2023-05-01", "Wales"]
    old = ["SC10003", "Scheme", "1000", "UTR Number", "99", "Firm", "2/1/2022", "Scotland"]
    (tmp_path / "1.csv").write_bytes(csv_bytes([UK, new, tax]))
    (tmp_path / "2.csv").write_bytes(csv_bytes([UK_OLD, old]))
    found = typed("uk-subsidy", tmp_path)
    assert column(found, "firm_id") == ["01234567", "GB1", "99"]
    assert column(found, "amount") == [250_000.5, None, 1000]
    assert column(found, "amount_range") == [None, "60001 - 500000", None]
    assert [str(day) for day in column(found, "award_date")] == ["2023-05-01", "2023-05-01", "2022-01-02"]
    assert column(found, "region") == ["Wales", "Wales", "Scotland"]


def test_eu_transparency_module(tmp_path):
    header = [
        "key_id",
        "case_id",
        "notification_date",
        "member_state_code",
        "beneficiary_name",
        "amount_euros",
        "range_min",
        "range_max",
        "currency",
    ]
    rows = [
        ["1", "SA.1", "2020-01-02", "IE", "Firm", "600000.25", "NA", "NA", "EUR"],
        ["2", "SA.1", "2020-01-02", "IE", "Firm", "NA", "500000", "1000000", "EUR"],
    ]
    (tmp_path / "a.csv").write_bytes(csv_bytes([header, *rows]))
    found = typed("eu-tam", tmp_path)
    assert column(found, "amount") == [600_000.25, None]
    assert column(found, "amount_max") == [None, 1_000_000]


def test_sbir(tmp_path):
    header = [
        "Company",
        "Award Title",
        "Agency",
        "Phase",
        "Program",
        "Contract",
        "Proposal Award Date",
        "Award Year",
        "Award Amount",
        "Duns",
        "State",
    ]
    rows = [["Firm", "T", "NASA", "Phase I", "SBIR", "C-1", "", "2015", "124,999.40", "123456789", "CA"]]
    (tmp_path / "a.csv").write_bytes(csv_bytes([header, *rows]))
    found = typed("us-sbir", tmp_path)
    assert (column(found, "amount"), column(found, "fiscal_year")) == ([124_999.4], [2015])


def test_usaspending_transactions(tmp_path):
    header = [
        "assistance_transaction_unique_key",
        "assistance_award_unique_key",
        "recipient_uei",
        "action_date",
        "federal_action_obligation",
        "cfda_number",
    ]
    rows = [["t1", "A", "U1", "2020-01-02", "100.10", "10.001"], ["t2", "A", "U1", "2020-03-02", "-40.05", "10.001"]]
    (tmp_path / "a.csv").write_bytes(csv_bytes([header, *rows]))
    found = typed("usaspending-assistance", tmp_path)
    assert column(found, "amount") == [100.10, -40.05]
