"""A drafted spec is a valid one that says what the table is like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from millrace.errors import MillraceError
from millrace.profiling.draft import draft_spec, pipeline_name
from millrace.spec.catalogue import load_spec
from millrace.spec.models import PipelineSpec

RANDOM = np.random.default_rng(13)


def drafted(path: Path, targets: list[str], **more: Any) -> PipelineSpec:
    """The draft, written beside the table and loaded as a person's spec would be."""
    draft = draft_spec(path, targets, **more)
    spec = path.parent / f"{draft.name}.yaml"
    spec.write_text(draft.text, encoding="utf-8")
    return load_spec(spec).spec


def steps(spec: PipelineSpec) -> list[str]:
    return [step.step for step in spec.transform]


def table(tmp_path: Path, **columns: Any) -> Path:
    path = tmp_path / "My Table.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_a_plain_table(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        row_id=RANDOM.permutation(900_000)[:200],
        x=RANDOM.normal(size=200),
        colour=RANDOM.choice(["red", "green"], 200),
        unit="m",
        y=RANDOM.normal(size=200),
    )
    spec = drafted(path, ["y"])
    assert spec.name == "my-table"
    assert spec.task == "regression"
    assert spec.splitting.by == "random"
    dropped = [name for step in spec.transform if step.step == "drop_columns" for name in step.columns]  # type: ignore[attr-defined]
    assert dropped == ["unit", "row_id"]
    assert {candidate.estimator for candidate in spec.candidates} == {
        "ridge",
        "random_forest",
        "hist_gradient_boosting",
        "voting",
    }
    assert spec.source.path == str(path)  # type: ignore[attr-defined]


def test_a_timed_table_is_split_by_time_and_gets_calendar_features(tmp_path: Path) -> None:
    times = pd.date_range("2022-01-01", periods=24 * 400, freq="h")
    path = table(tmp_path, when=times, x=RANDOM.normal(size=len(times)), y=RANDOM.normal(size=len(times)))
    spec = drafted(path, ["y"])
    assert spec.time_column == "timestamp"
    assert spec.splitting.by == "time"
    assert spec.features[0].outputs == ("timestamp_hour", "timestamp_dayofweek", "timestamp_month")
    assert '  # - {step: lag, columns: ["y"], order_by: timestamp' in (tmp_path / "my-table.yaml").read_text()


def test_a_name_that_is_taken_is_not_taken_again(tmp_path: Path) -> None:
    times = pd.date_range("2022-01-01", periods=300, freq="h")
    path = table(tmp_path, when=times, timestamp=RANDOM.normal(size=300), y=RANDOM.normal(size=300))
    assert drafted(path, ["y"]).time_column == "row_time"


@pytest.mark.parametrize(
    ("frequency", "every", "periods"),
    [("h", "1h", [24, 48, 168]), ("15min", "15min", [96, 192]), ("D", "1D", [1, 7, 28]), ("MS", None, [1, 2, 7])],
)
def test_a_lone_series_is_predicted_from_its_own_past(
    tmp_path: Path, frequency: str, every: str | None, periods: list[int]
) -> None:
    times = pd.date_range("2021-01-01", periods=800, freq=frequency)
    spec = drafted(table(tmp_path, when=times, demand=RANDOM.normal(size=800)), ["demand"], task="regression")
    (lag,) = [step for step in spec.transform if step.step == "lag"]
    assert lag.every == every  # type: ignore[attr-defined]
    assert lag.periods == periods  # type: ignore[attr-defined]
    assert "drop_nulls" in steps(spec)


def test_a_class_that_is_absent_from_the_earliest_rows_forbids_a_split_by_time(tmp_path: Path) -> None:
    times = pd.date_range("2022-01-01", periods=400, freq="h")
    late = ["a", "b"] * 150 + ["a", "c"] * 50
    spec = drafted(table(tmp_path, when=times, x=RANDOM.normal(size=400), y=late), ["y"])
    assert spec.splitting.by == "random"


def test_several_targets_and_a_clustering(tmp_path: Path) -> None:
    columns = {name: RANDOM.normal(size=100) for name in ("a", "b", "c")}
    assert drafted(table(tmp_path, **columns), ["a", "b"]).targets == ["a", "b"]
    grouped = drafted(table(tmp_path, **columns), [], task="clustering")
    assert grouped.candidates[0].estimator == "k_means"


def test_a_written_date_attribute_is_cast_and_used(tmp_path: Path) -> None:
    days = pd.Series(pd.date_range("2020-01-01", "2021-12-31", freq="7D").strftime("%d/%m/%Y"))
    path = table(tmp_path, born=days.sample(400, replace=True, random_state=1), x=range(400), y=RANDOM.normal(size=400))
    spec = drafted(path, ["y"])
    assert spec.time_column is None
    assert "cast" in steps(spec)
    assert spec.features[0].outputs == ("born_dayofweek", "born_month")


@pytest.mark.parametrize("kind", ["csv.gz", "xlsx", "parquet", "json"])
def test_other_formats(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"x": RANDOM.normal(size=60), "y": RANDOM.choice(["a", "b"], 60)})
    path = tmp_path / f"table.{kind}"
    writers = {
        "csv.gz": lambda: frame.to_csv(path, index=False, sep="|"),
        "xlsx": lambda: frame.to_excel(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "json": lambda: frame.to_json(path, orient="records"),
    }
    writers[kind]()
    spec = drafted(path, ["y"])
    assert spec.name == "table"
    assert spec.task == "classification"


def test_a_workbook_with_two_tables_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    frame = pd.DataFrame({"x": RANDOM.normal(size=60), "y": RANDOM.normal(size=60)})
    with pd.ExcelWriter(path) as book:
        frame.to_excel(book, sheet_name="north", index=False)
        frame.to_excel(book, sheet_name="south", index=False)
        pd.DataFrame().to_excel(book, sheet_name="empty", index=False)
    with pytest.raises(MillraceError, match="Give --sheet with one of: north, south"):
        draft_spec(path, ["y"])
    assert "read: {sheet: south}" in draft_spec(path, ["y"], sheet="south").text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("a,b\n", "no row"),
        ("a,b\n1,2\n3,4\n", "too few"),
        ("<!DOCTYPE html><html><body>no</body></html>", "web page"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(MillraceError) as error:
        draft_spec(path, ["b"])
    assert said.lower() in str(error.value).lower()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MillraceError, match=r"absent\.csv"):
        draft_spec(tmp_path / "absent.csv", ["y"])


@pytest.mark.parametrize(
    ("file", "name"),
    [("AirQualityUCI.csv", "air-quality-uci"), ("a.b.csv", "a"), ("Übung 1.xlsx", "bung-1"), ("__.csv", "pipeline")],
)
def test_names(file: str, name: str) -> None:
    assert pipeline_name(Path(file)) == name


def test_names_and_values_of_any_kind_make_no_broken_yaml(tmp_path: Path) -> None:
    path = tmp_path / "odd # name: {x}.csv"
    columns = {
        "a: b": RANDOM.normal(size=300),
        "# c": RANDOM.choice(["x, y", "{z}", "it's", 'say "no"'], 300),
        "two\nlines": RANDOM.choice(["first\nsecond", "other # value"], 300),
        "null": RANDOM.integers(0, 50, 300),
        "y]": ["Thursday # 4"] * 149 + ["Tuesday\n# 2"] * 149 + ["Thurzday # 4", "thursday # 4"],
    }
    pd.DataFrame(columns).to_csv(path, index=False)
    spec = drafted(path, ["null"])
    assert spec.name == "odd-name-x"
    assert spec.targets == ["null"]


def test_a_boolean_target_with_nulls(tmp_path: Path) -> None:
    path = table(tmp_path, x=RANDOM.normal(size=300), y=pd.Series([True, False, None] * 100, dtype="object"))
    spec = drafted(path, ["y"])
    (classes,) = [e for e in spec.expectations if e.expect.endswith("in_set")]
    assert spec.task == "classification"
    assert classes.arguments["value_set"] == [False, True]
