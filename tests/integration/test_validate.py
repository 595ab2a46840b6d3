"""The stage validate against the embedded MongoDB and S3."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from millrace.errors import DataError, ValidationFailedError
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext, run_stage
from millrace.stages.outputs import Extracted
from millrace.stages.validate import validate
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration
BETWEEN = "expect_column_values_to_be_between"


class Platform:
    """One installation, on which runs of small ETL specs are opened."""

    def __init__(self, runs: MongoRunStore, artifacts: S3ArtifactStore) -> None:
        self.runs, self.artifacts = runs, artifacts
        self._count = 0

    def open(self, **parts: Any) -> RunContext:
        """A new run of the pipeline `demo`."""
        self._count += 1
        spec = PipelineSpec.model_validate({"name": "demo", "source": {"type": "file", "path": "unread.csv"}, **parts})
        run_id = f"run-{self._count}"
        self.runs.create_run(
            {
                "_id": run_id,
                "pipeline": "demo",
                "status": "running",
                "created_at": datetime(2026, 1, self._count, tzinfo=UTC),
                "stages": {},
            }
        )
        return RunContext(run_id, spec, "v1", self.runs, self.artifacts, registry=None)  # type: ignore[arg-type]

    def extracted(self, context: RunContext, frame: pd.DataFrame) -> Extracted:
        """The frame as what the stage extract left."""
        ref = self.artifacts.write_dataset("demo", [frame])
        return run_stage(context, "extract", Extracted, lambda: Extracted(dataset=ref))

    def validate(self, frame: pd.DataFrame, **parts: Any):
        """Extract the frame and validate it, in a new run."""
        context = self.open(**parts)
        return context, validate(context, self.extracted(context, frame))

    def stage(self, context: RunContext) -> dict[str, Any]:
        """What the run record says of the validation."""
        stage: dict[str, Any] = self.runs.get_run(context.run_id)["stages"]["validate"]
        return stage

    def rows(self, ref: Any) -> pd.DataFrame:
        """The rows of a dataset."""
        return self.artifacts.open_dataset(ref.uri).frame()


@pytest.fixture
def platform(run_store: MongoRunStore, artifact_store: S3ArtifactStore) -> Platform:
    return Platform(run_store, artifact_store)


def rule(expect: str, on_failure: str = "fail", **arguments: Any) -> dict[str, Any]:
    return {"expect": expect, "on_failure": on_failure, **arguments}


def test_a_good_table_keeps_its_version_and_gets_a_report(platform: Platform):
    frame = pd.DataFrame({"v": [1, 2, 3]})
    context, output = platform.validate(frame, expectations=[rule(BETWEEN, column="v", min_value=0)])
    assert (output.passed, output.failed, output.quarantined) == (1, [], 0)
    assert output.dataset == platform.artifacts.write_dataset("demo", [frame])
    assert output.report_uri.endswith(f"validations/demo/{context.run_id}/index.html")
    assert b"<html" in platform.artifacts.get_bytes(output.report_uri)
    record = platform.runs.collection("data_validations").find_one({"run_id": context.run_id})
    assert record["success"] is True
    assert record["results"][0]["expect"] == BETWEEN


def test_a_failure_stops_the_run_and_leaves_the_evidence(platform: Platform):
    rules = [
        rule(BETWEEN, column="v", min_value=0),
        rule("expect_column_values_to_not_be_null", column="w"),
        rule("expect_table_row_count_to_equal", value=3),
    ]
    context = platform.open(expectations=rules)
    extracted = platform.extracted(context, pd.DataFrame({"v": [1, -2, 3], "w": ["a", None, "c"]}))
    with pytest.raises(ValidationFailedError, match=r"2 expectations do not hold: v: 1 of 3 .* row 2\); w: 1 of 3"):
        validate(context, extracted)
    stage = platform.stage(context)
    assert stage["status"] == "failed"
    assert stage["error"]["code"] == "validation_failed"
    assert [result["column"] for result in stage["error"]["details"]["failed"]] == ["v", "w"]
    assert stage["error"]["details"]["passed"] == 1
    assert platform.artifacts.exists(stage["error"]["details"]["report_uri"])
    assert platform.runs.collection("data_validations").find_one({"run_id": context.run_id})["success"] is False


def test_warnings_let_the_run_go_on(platform: Platform):
    context, output = platform.validate(
        pd.DataFrame({"v": [-1, 1]}), expectations=[rule(BETWEEN, "warn", column="v", min_value=0)]
    )
    assert output.passed == 0
    assert output.failed[0]["column"] == "v"
    assert output.quarantined == 0
    assert platform.stage(context)["warnings"] == ["v: 1 of 2 values are not at least 0 (e.g. -1 in row 1)."]


def test_quarantine_sets_exactly_the_failing_rows_aside(platform: Platform):
    frame = pd.DataFrame({"v": [5, -1, 7, -3], "s": ["a", "b", "c", "d"]})
    _, output = platform.validate(
        frame,
        expectations=[rule(BETWEEN, "quarantine", column="v", min_value=0)],
        quarantine={"max_share": 0.5},
    )
    assert output.quarantined == 2
    assert platform.rows(output.dataset)["s"].tolist() == ["a", "c"]
    aside = platform.rows(output.quarantine)
    assert aside["_row"].tolist() == [2, 4]
    assert set(aside["_reason"]) == {f"v: {BETWEEN}"}
    assert "/quarantine/" in output.quarantine.uri


def test_too_many_quarantined_rows_stop_the_run_and_name_the_rules(platform: Platform):
    rules = [rule(BETWEEN, "quarantine", column="v", min_value=0)]
    with pytest.raises(ValidationFailedError, match=r"2 of 4 rows \(50.0%\).*10.0% of quarantine.max_share: v: 2 of 4"):
        platform.validate(pd.DataFrame({"v": [5, -1, 7, -3]}), expectations=rules)
    with pytest.raises(ValidationFailedError, match="1 of 1 rows"):
        platform.validate(pd.DataFrame({"v": [-1]}), expectations=rules, quarantine={"max_share": 1})


def test_a_rule_that_cannot_be_laid_on_rows_is_not_passed_over(platform: Platform):
    with pytest.raises(ValidationFailedError, match="no such column"):
        platform.validate(pd.DataFrame({"v": [1]}), expectations=[rule(BETWEEN, "quarantine", column="w", min_value=0)])


def test_an_empty_table_ends_the_run(platform: Platform):
    with pytest.raises(DataError, match="no rows"):
        platform.validate(pd.DataFrame({"v": pd.Series([], dtype="int64")}))


def test_schema_drift_warns_and_a_needed_column_that_is_gone_ends_the_run(platform: Platform):
    steps = [{"step": "drop_nulls", "columns": ["v"]}]
    platform.validate(pd.DataFrame({"v": [1], "w": [1]}), transform=steps)
    context, _ = platform.validate(pd.DataFrame({"v": ["1"], "x": [1]}), transform=steps)
    warnings = platform.stage(context)["warnings"]
    assert [warning.split("'")[1] for warning in warnings] == ["w", "x", "v"]
    with pytest.raises(DataError, match="'v', which the pipeline needs"):
        platform.validate(pd.DataFrame({"x": [1]}), transform=steps)


def test_an_unchanged_validation_is_reused_while_its_artifacts_are_there(platform: Platform):
    frame = pd.DataFrame({"v": [5, -1, 7, -3]})
    parts = {
        "expectations": [rule(BETWEEN, "quarantine", column="v", min_value=0)],
        "quarantine": {"max_share": 0.5},
    }
    platform.validate(frame, **parts)
    second, _ = platform.validate(frame, **parts)  # the first one had no previous columns to compare with
    third, output = platform.validate(frame, **parts)
    assert platform.stage(third)["reused"] is True
    assert platform.stage(third)["warnings"] == platform.stage(second)["warnings"] != []
    bucket, key = platform.artifacts.bucket, output.report_uri.split("/", 3)[3]
    platform.artifacts._client.delete_object(Bucket=bucket, Key=key)
    fourth, _ = platform.validate(frame, **parts)
    assert platform.stage(fourth)["reused"] is False
    fifth, _ = platform.validate(frame, **{**parts, "quarantine": {"max_share": 0.6}})
    assert platform.stage(fifth)["reused"] is False


DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
TRAFFIC_COLUMNS = [
    "Time",
    "Date",
    "Day of the week",
    "CarCount",
    "BikeCount",
    "BusCount",
    "TruckCount",
    "Traffic Situation",
]
TRAFFIC_RULES = [
    rule("expect_compound_columns_to_be_unique", "quarantine", column_list=TRAFFIC_COLUMNS),
    rule("expect_column_values_to_not_be_null", "quarantine", column="Day of the week"),
    rule("expect_column_values_to_be_in_set", "quarantine", column="Day of the week", value_set=DAYS),
    rule("expect_column_values_to_not_be_null", "quarantine", column="CarCount"),
    rule(BETWEEN, "quarantine", column="BikeCount", min_value=0, max_value=80),
    rule(BETWEEN, "quarantine", column="BusCount", min_value=0),
]


@pytest.mark.parametrize("small_cells", [0, 1_000_000], ids=["read in each pass", "held in memory"])
def test_the_damage_of_the_corrupted_traffic_counts_is_named_exactly(
    platform: Platform, data_dir: Path, small_cells: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("millrace.stages.validate.SMALL_CELLS", small_cells)
    frame = pd.read_csv(data_dir / "traffic" / "Traffic_corrupted.csv")
    context, output = platform.validate(frame, expectations=TRAFFIC_RULES)
    assert [result["unexpected_count"] for result in output.failed] == [1, 5, 2, 4, 3, 4]
    days = output.failed[2]["message"]
    assert days.startswith("Day of the week: 2 of 2,977 values are not in the set")
    assert days.endswith("(e.g. 'Tue' in row 9, 'Thrsday' in row 2,946).")
    assert "row 2,977 repeats row 6" in output.failed[0]["message"]
    assert [example["value"] for example in output.failed[4]["examples"]] == [150, 200, 100]
    aside = platform.rows(output.quarantine)
    bad = (
        frame.duplicated()
        | ~frame["Day of the week"].isin(DAYS)
        | frame["CarCount"].isna()
        | (frame["BikeCount"] > 80)
        | (frame["BusCount"] < 0)
    )
    assert aside["_row"].tolist() == [int(position) + 1 for position in bad.to_numpy().nonzero()[0]]
    assert output.quarantined == len(aside) == int(bad.sum())
    assert output.dataset.rows == len(frame) - len(aside)
    assert len(platform.stage(context)["warnings"]) == 6
    twice = aside.loc[aside["_row"] == 9, "_reason"].item()
    assert twice == f"Day of the week: expect_column_values_to_be_in_set; BusCount: {BETWEEN}"


def test_the_sound_traffic_counts_pass_the_same_rules(platform: Platform, data_dir: Path):
    frame = pd.read_csv(data_dir / "traffic" / "Traffic.csv")
    _, output = platform.validate(frame, expectations=TRAFFIC_RULES)
    assert (output.passed, output.quarantined) == (6, 0)
