"""Excel, Parquet, JSON and compressed files, several files at once, and files that are not what they should be."""

from __future__ import annotations

import decimal
import gzip
import io
import json
import zipfile
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from millrace.errors import SourceError
from millrace.sources.file import FileSource

FRAME = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "s": ["a", None], "t": pd.to_datetime(["2024-01-01", None])})


def workbook(**sheets: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    with pd.ExcelWriter(sink) as writer:
        for name, frame in sheets.items():
            frame.to_excel(writer, sheet_name=name, index=False)
    return sink.getvalue()


def zipped(**members: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return sink.getvalue()


def parquet(frame: pd.DataFrame, **how: object) -> bytes:
    sink = io.BytesIO()
    frame.to_parquet(sink, **how)
    return sink.getvalue()


def test_an_empty_sheet_is_passed_over(read_text):
    table, reading = read_text(workbook(Leer=pd.DataFrame(), Φύλλο1=FRAME), name="t.xlsx")
    assert table["n"].tolist() == [1, 2]
    assert not reading.notes


def test_the_first_sheet_is_read_and_the_others_are_noted(read_text):
    content = workbook(One=FRAME, Two=FRAME.rename(columns={"n": "m"}))
    table, reading = read_text(content, name="t.xlsx")
    assert "n" in table
    assert any("'Two'" in note for note in reading.notes)
    table, _ = read_text(content, name="t.xlsx", read={"sheet": "Two"})
    assert "m" in table
    assert "m" in read_text(content, name="t.xlsx", read={"sheet": 1})[0]


def test_a_sheet_in_chunks_of_one_schema(read_text):
    table, _ = read_text(workbook(One=FRAME), name="t.xlsx", how={"chunk_rows": 1})
    assert table["x"].tolist()[0] == 0.5
    assert len(table) == 2


def test_enb2012_has_empty_sheets_and_ten_columns(read, data_dir):
    table, _ = read(FileSource(path=str(data_dir / "building_energy" / "ENB2012_data.xlsx")))
    assert table.shape == (768, 10)
    assert table.columns.tolist() == ["X1", "X2", "X3", "X4", "X5", "X6", "X7", "X8", "Y1", "Y2"]


@pytest.mark.parametrize("chunk", [1, 100])
def test_parquet_keeps_its_types(read_text, chunk):
    table, _ = read_text(parquet(FRAME), name="t.parquet", how={"chunk_rows": chunk})
    assert table.dtypes.astype(str).tolist() == ["int64", "float64", "object", "datetime64[ns]"]


def test_parquet_columns_and_kinds(read_text):
    options = {"columns": ["s", "n"], "dtype": {"n": "str"}}
    table, _ = read_text(parquet(FRAME), name="t.parquet", read=options)
    assert table.to_dict("list") == {"s": ["a", None], "n": ["1", "2"]}


def test_arrow_types_become_plain_ones(read_text):
    sink = io.BytesIO()
    odd = pa.table(
        {
            "small": pa.array([1, None], pa.int8()),
            "big": pa.array([2**64 - 1, 1], pa.uint64()),
            "money": pa.array([None, "12.50"]).cast(pa.decimal128(9, 2)),
            "day": pa.array([1, 2], pa.date32()),
            "code": pa.array(["a", "b"]).dictionary_encode(),
            "list": pa.array([[1, 2], None]),
            "flag": pa.array([True, None]),
            "nothing": pa.nulls(2),
        }
    )
    pq.write_table(odd, sink)
    table, _ = read_text(sink.getvalue(), name="t.parquet", how={"chunk_rows": 1})
    assert table["small"].dtype == "float64"
    assert table["big"].iloc[0] == float(2**64 - 1)
    assert table["money"].iloc[1] == 12.5
    assert str(table["day"].dtype) == "datetime64[ns]"
    assert table["code"].tolist() == ["a", "b"]
    assert table["list"].iloc[0] == "[1, 2]"
    assert table["flag"].tolist() == [True, None]
    assert table["nothing"].isna().all()


def test_json_lines_arrays_and_envelopes(read_text):
    rows = [{"n": 1, "place": {"city": "Rome", "at": [1, 2]}}, {"n": 2.5, "extra": "x"}]
    wanted = {"n": [1.0, 2.5], "place.city": ["Rome", None], "place.at": ["[1, 2]", None], "extra": [None, "x"]}
    lines = "\n\n".join(map(json.dumps, rows))
    for content, options in ((lines, {}), (json.dumps(rows), {}), (json.dumps({"data": rows}), {"records": "data"})):
        for chunk in (1, 100):
            table, _ = read_text(content, name="t.json", read=options, how={"chunk_rows": chunk})
            assert table.to_dict("list") == wanted


def test_json_columns_and_kinds(read_text):
    table, _ = read_text(
        '{"a": 1, "b": 2}\n{"a": "x"}\n', name="t.jsonl", read={"columns": ["a"], "dtype": {"a": "str"}}
    )
    assert table.to_dict("list") == {"a": ["1", "x"]}


def test_compressed_files_are_known_by_their_first_bytes(read_text):
    text = "a,b\n1,x\n"
    for content, name in (
        (gzip.compress(text.encode()), "t.csv.gz"),
        (gzip.compress(text.encode()), "t.csv"),
        (zipped(t__csv=text), "t.csv.zip"),
        (zipped(t__csv=text), "t.zip"),
    ):
        table, _ = read_text(content, name=name, format="csv")
        assert table.to_dict("list") == {"a": [1], "b": ["x"]}


def test_a_member_of_an_archive(read_text):
    content = zipped(one__csv="a,b\n1,2\n", two__csv="c,d\n3,4\n")
    table, _ = read_text(content, name="t.csv.zip", read={"member": "two.csv"})
    assert table.columns.tolist() == ["c", "d"]


def test_files_of_a_pattern_are_read_in_the_order_of_their_names(read, table_path):
    table_path("k,v\nb,2.5\n", "part-2.csv")
    path = table_path("k,v\na,1\n", "part-1.csv")
    table, reading = read(FileSource(path=str(path.parent / "part-*.csv")))
    assert table.to_dict("list") == {"k": ["a", "b"], "v": [1.0, 2.5]}
    assert len(reading.origin["path"]) == 2
    table_path("k,w\na,1\n", "part-3.csv")
    with pytest.raises(SourceError, match=r"part-1\.csv has the column 'v', which .*part-3\.csv does not have"):
        read(FileSource(path=str(path.parent / "part-*.csv")))


GOOD_PARQUET = parquet(pd.DataFrame({"a": range(5000)}))
GOOD_BOOK = workbook(One=FRAME)
REFUSED = {
    "no such sheet": (workbook(Sales=FRAME), "t.xlsx", {"sheet": "Sale"}, ["no sheet 'Sale'", "Did you mean 'Sales'"]),
    "no such sheet number": (GOOD_BOOK, "t.xlsx", {"sheet": 3}, ["1 sheets", "is 3"]),
    "only empty sheets": (workbook(A=pd.DataFrame()), "t.xlsx", {}, ["empty"]),
    "only a header": (workbook(A=pd.DataFrame(columns=["a", "b"])), "t.xlsx", {}, ["2 columns but no rows"]),
    "damaged workbook": (GOOD_BOOK[: len(GOOD_BOOK) // 2], "t.xlsx", {}, ["damaged Excel workbook"]),
    "csv as a workbook": ("a,b\n1,2\n", "t.xlsx", {}, ["not an Excel workbook", "format: csv"]),
    "old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "t.xls", {}, ["old Excel workbook", ".xlsx"]),
    "mixed sheet": (
        workbook(A=pd.DataFrame({"c": [1, "n/k"]}, dtype=object)),
        "t.xlsx",
        {},
        ["'c'", "1 in row 1", "'n/k' in row 2", "na_values"],
    ),
    "damaged parquet": (GOOD_PARQUET[:-20], "t.parquet", {}, ["damaged Parquet file"]),
    "torn parquet": (GOOD_PARQUET[:40] + b"\xff" * 300 + GOOD_PARQUET[340:], "t.parquet", {}, ["Parquet"]),
    "csv as parquet": ("a,b\n1,2\n", "t.parquet", {}, ["not a Parquet file"]),
    "web page as parquet": ("<html><title>404</title></html>", "t.parquet", {}, ["web page titled '404'"]),
    "empty parquet": (parquet(FRAME.head(0)), "t.parquet", {}, ["no rows"]),
    "damaged gzip": (gzip.compress(b"a,b\n1,2\n" * 999)[:-9], "t.csv.gz", {}, ["damaged gzip file"]),
    "not gzip": ("a,b\n1,2\n", "t.csv.gz", {}, ["damaged gzip file"]),
    "damaged zip": (zipped(t__csv="a,b\n" * 99)[:-30], "t.csv.zip", {}, ["damaged zip file"]),
    "two members": (zipped(a__csv="a\n", b__csv="b\n"), "t.csv.zip", {}, ["2 files", "a.csv, b.csv"]),
    "no such member": (zipped(a__csv="a\n", b__csv="b\n"), "t.csv.zip", {"member": "c.csv"}, ["no file 'c.csv'"]),
    "zip of a workbook": (GOOD_BOOK, "t.csv", {}, ["an Excel workbook", "format: excel"]),
    "bad json line": ('{"a": 1}\n{"a": \n', "t.json", {}, ["Line 2"]),
    "bad json array": ('[{"a": 1}', "t.json", {}, ["not JSON"]),
    "json of lists": ("[[1, 2]]", "t.json", {}, ["Item 1", "list"]),
    "json without rows": ("[]", "t.json", {}, ["no records"]),
    "json under no key": ('{"rows": []}', "t.json", {"records": "row"}, ["no key 'row'", "Did you mean 'rows'"]),
    "mixed json": ('{"a": 1}\n{"a": "x"}\n', "t.json", {}, ["'a'", "1 in row 1", "'x' in row 2", "dtype"]),
    "bad json kind": ('{"a": "x"}\n', "t.json", {"dtype": {"a": "int"}}, ["'x', which is no int"]),
    "unknown format": ("a,b\n", "t.dat", {}, ["does not tell its format", "csv"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_with_its_mend(read_text, case):
    content, name, options, words = REFUSED[case]
    with pytest.raises(SourceError) as caught:
        read_text(content, name=name, read=options)
    assert caught.value.hint
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_names_the_near_ones(read, table_path):
    path = table_path("a,b\n1,2\n", "sales-2024.csv")
    with pytest.raises(SourceError, match=r"is not there\. Did you mean sales-2024\.csv"):
        read(FileSource(path=str(path.with_name("sale-2024.csv"))))
    with pytest.raises(SourceError, match=r"Its folder .* is not there either"):
        read(FileSource(path=str(path.parent / "nowhere" / "deep" / "x.csv")))
    with pytest.raises(SourceError, match=r"is a folder, not a file.*sales-2024\.csv"):
        read(FileSource(path=str(path.parent), format="csv"))


def test_a_relative_path_starts_at_the_working_directory(read, table_path, monkeypatch):
    path = table_path("a,b\n1,2\n", "here.csv")
    monkeypatch.chdir(path.parent)
    assert len(read(FileSource(path="here.csv"))[0]) == 1
    with pytest.raises(SourceError, match="Relative paths start at"):
        read(FileSource(path="there.csv"))


def test_the_fallback_stands_in_with_the_same_columns_and_times(read, data_dir):
    spec = {
        "read": {"sep": ";", "decimal": ",", "na_values": [-200]},
        "timestamp": {"from": ["Date", "Time"], "format": "%d/%m/%Y %H.%M.%S", "as": "observed_at"},
        "fallback": {"type": "sample", "name": "air_quality"},
    }
    real, real_reading = read(
        FileSource.model_validate({"path": str(data_dir / "air_quality" / "AirQualityUCI.csv"), **spec})
    )
    sample, reading = read(FileSource.model_validate({"path": "/nowhere/air_quality/AirQualityUCI.csv", **spec}))
    assert sample.dtypes.to_dict() == real.dtypes.to_dict()
    assert sample["observed_at"].equals(real["observed_at"])
    assert any("fallback" in note for note in reading.notes)
    assert not any("fallback" in note for note in real_reading.notes)


values = st.one_of(
    st.none(), st.integers(-(2**62), 2**62), st.just(True), st.text(max_size=5), st.floats(allow_nan=False)
)


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    column=st.one_of(
        st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=9),
        st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), min_size=1, max_size=9),
        st.lists(st.one_of(st.none(), st.booleans()), min_size=1, max_size=9),
        st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=9),
    ),
    chunk=st.integers(1, 4),
)
def test_json_columns_are_read_exactly_whatever_the_chunk(read_text, column, chunk):
    lines = "\n".join(json.dumps({"k": 0, "v": value}) for value in column)
    table, _ = read_text(lines, name="t.json", how={"chunk_rows": chunk})
    assert [None if pd.isna(value) else value for value in table["v"].tolist()] == column


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), name=st.sampled_from(["t.csv", "t.json", "t.parquet", "t.xlsx", "t.csv.gz"]))
def test_any_bytes_are_a_table_or_a_clear_refusal(read_text, content, name):
    outcome: object
    try:
        outcome, _ = read_text(content, name=name)
    except SourceError as error:
        outcome = error
    assert isinstance(outcome, pd.DataFrame) or outcome.hint


def test_excel_keeps_codes_with_leading_zeros_and_truth_values_beside_nulls(read_text):
    sheet = pd.DataFrame(
        {"zip": ["01234", "99999"], "mixed": ["007", 12], "n": ["1", "2.5"], "ok": [True, None], "id": [2, None]}
    )
    table, _ = read_text(workbook(a=sheet), name="a.xlsx")
    assert table["zip"].tolist() == ["01234", "99999"]
    assert table["mixed"].tolist() == ["007", "12"]
    assert table["n"].tolist() == [1, 2.5]
    assert table["ok"].tolist() == [True, None]
    assert table["id"].dropna().tolist() == [2]


def test_a_negative_number_names_no_sheet(read_text):
    with pytest.raises(SourceError, match=r"read\.sheet is -1"):
        read_text(workbook(a=FRAME), name="a.xlsx", read={"sheet": -1})


def test_decimals_without_a_fraction_are_exact_integers(read_text):
    whole = pa.array([decimal.Decimal(2**53 + 1), decimal.Decimal(1)], pa.decimal128(38, 0))
    table, _ = read_text(written(pa.table({"id": whole})), name="a.parquet")
    assert table["id"].tolist() == [2**53 + 1, 1]


def test_a_time_that_nanoseconds_do_not_reach_is_named_and_can_be_read_as_text(read_text):
    content = written(pa.table({"until": pa.array([date(9999, 12, 31), date(2024, 1, 1)])}))
    with pytest.raises(SourceError, match=r"'until'.*9999-12-31.*1678 to 2261"):
        read_text(content, name="a.parquet")
    table, _ = read_text(content, name="a.parquet", read={"dtype": {"until": "str"}})
    assert table["until"].tolist() == ["9999-12-31", "2024-01-01"]


def written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("bool", '"false"', False), ("bool", "1", True), ("int", "2.0", 2), ("int", '"7"', 7)],
)
def test_a_declared_kind_reads_what_is_written(read_text, kind, value, expected):
    table, _ = read_text(f'{{"a": {value}}}', name="a.jsonl", read={"dtype": {"a": kind}})
    assert table["a"].tolist() == [expected]


@pytest.mark.parametrize(("kind", "value"), [("bool", '"maybe"'), ("bool", "2"), ("int", "1.7"), ("int", "Infinity")])
def test_a_declared_kind_makes_nothing_up(read_text, kind, value):
    with pytest.raises(SourceError, match=f"which is no {kind}"):
        read_text(f'{{"a": {value}}}', name="a.jsonl", read={"dtype": {"a": kind}})


@pytest.mark.parametrize(
    ("line", "says"),
    [('{"a.b": 1, "a": {"b": 2}}', "'a.b' twice"), ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply")],
)
def test_json_that_would_lose_a_value_is_refused(read_text, line, says):
    with pytest.raises(SourceError, match=says):
        read_text(line, name="a.jsonl")


def test_json_without_a_wanted_column_is_refused_and_half_a_character_replaced(read_text):
    with pytest.raises(SourceError, match="names the column 'z'"):
        read_text('{"a": 1}', name="a.jsonl", read={"columns": ["z"]})
    table, _ = read_text('{"a": "x\\ud800"}', name="a.jsonl")
    assert table["a"].tolist() == ["x\ufffd"]
