"""The stage transform against the embedded MongoDB and S3."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from millrace.errors import DataError, SpecError, TransformError
from millrace.settings import Settings
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.outputs import Transformed, Validated
from millrace.stages.transform import transform
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration


class Platform:
    """One installation, on which tables are transformed."""

    def __init__(self, runs: MongoRunStore, artifacts: S3ArtifactStore) -> None:
        self.runs, self.artifacts = runs, artifacts
        self._count = 0

    def transform(self, frame: pd.DataFrame, **parts: Any) -> tuple[RunContext, Transformed]:
        """Transform the frame in a new run."""
        self._count += 1
        spec = PipelineSpec.model_validate({"name": "demo", "source": {"type": "file", "path": "unread.csv"}, **parts})
        run_id = f"run-{self._count}"
        created = datetime(2026, 1, 1, tzinfo=UTC)
        self.runs.create_run({"_id": run_id, "pipeline": "demo", "created_at": created, "stages": {}})
        context = RunContext(run_id, spec, "v1", self.runs, self.artifacts, registry=None)  # type: ignore[arg-type]
        validated = Validated(dataset=self.artifacts.write_dataset("demo", [frame]), passed=0)
        return context, transform(context, validated)

    def stage(self, context: RunContext) -> dict[str, Any]:
        """What the run record says of the transformation."""
        stage: dict[str, Any] = self.runs.get_run(context.run_id)["stages"]["transform"]
        return stage

    def rows(self, output: Transformed) -> pd.DataFrame:
        """The transformed table."""
        return self.artifacts.open_dataset(output.dataset.uri).frame()


@pytest.fixture
def platform(run_store: MongoRunStore, artifact_store: S3ArtifactStore) -> Platform:
    return Platform(run_store, artifact_store)


FRAME = pd.DataFrame({"k": [1, 1, 2, None], "v": [1.0, 1.0, 4.0, None], "s": ["a", "a", "b", None]})
STEPS = [
    {"step": "drop_empty"},
    {"step": "drop_duplicates"},
    {"step": "derive", "columns": {"w": "v / (k - 1)"}},
]


def test_steps_run_in_order_and_say_what_they_left(platform: Platform):
    context, output = platform.transform(FRAME, transform=STEPS)
    assert platform.rows(output)["s"].tolist() == ["a", "b"]
    assert [(step["step"], step["rows"]) for step in output.steps] == [
        ("drop_empty", 3),
        ("drop_duplicates", 2),
        ("derive", 2),
    ]
    assert platform.stage(context)["warnings"][1:] == [
        "Transform step 'derive': 'w' is infinite in 1 rows; they became null."
    ]


def test_without_steps_the_dataset_stays_as_it_is(platform: Platform):
    _, output = platform.transform(FRAME)
    assert output.dataset == platform.artifacts.write_dataset("demo", [FRAME])


def test_the_same_steps_are_reused_with_their_warnings_while_the_artifact_is_there(platform: Platform):
    first, one = platform.transform(FRAME, transform=STEPS)
    second, two = platform.transform(FRAME, transform=STEPS)
    assert one == two
    assert platform.stage(second)["reused"] is True
    assert platform.stage(second)["warnings"] == platform.stage(first)["warnings"]
    prefix = one.dataset.uri.split("/", 3)[3]
    platform.artifacts._client.delete_object(Bucket=platform.artifacts.bucket, Key=f"{prefix}manifest.json")
    third, three = platform.transform(FRAME, transform=STEPS)
    assert platform.stage(third)["reused"] is False
    assert three.dataset == one.dataset


def test_a_table_without_rows_left_ends_the_run(platform: Platform):
    with pytest.raises(DataError, match=r"left no row of 4.*drop_empty 3, filter 0"):
        platform.transform(FRAME, transform=[STEPS[0], {"step": "filter", "where": "v > 100"}])


def test_a_step_that_cannot_be_applied_is_one_sentence_in_the_record(platform: Platform):
    with pytest.raises(TransformError, match="names the column 'x'"):
        platform.transform(FRAME, transform=[{"step": "drop_columns", "columns": ["x"]}])
    assert platform.runs.get_run("run-1")["stages"]["transform"]["error"]["code"] == "transform_failed"


def test_what_pandas_raises_names_the_step(platform: Platform):
    step = {"step": "restore_dates", "day": "k", "start": "9999-12"}
    with pytest.raises(TransformError, match=r"'restore_dates' failed: OutOfBoundsDatetime"):
        platform.transform(FRAME.head(2), transform=[step])


def test_join_reads_another_source_each_time(platform: Platform, tmp_path: Path):
    names = tmp_path / "names.csv"
    names.write_text("k,name\n1,one\n2,two\n")
    steps = [STEPS[0], {"step": "join", "with": {"type": "file", "path": str(names)}, "on": ["k"]}]
    _, output = platform.transform(FRAME, transform=steps)
    assert platform.rows(output)["name"].tolist() == ["one", "one", "two"]
    names.write_text("k,name\n1,uno\n2,due\n")
    _, output = platform.transform(FRAME, transform=steps)
    assert platform.rows(output)["name"].tolist() == ["uno", "uno", "due"]


def test_join_with_no_source_names_the_key(platform: Platform):
    with pytest.raises(SpecError, match=r"join.with is no source.*pth"):
        platform.transform(FRAME, transform=[{"step": "join", "with": {"type": "file", "pth": "x"}, "on": ["k"]}])


def test_the_traffic_label_raises_the_leakage_warning(platform: Platform, data_dir: Path):
    frame = pd.read_csv(data_dir / "traffic" / "Traffic.csv")
    context, _ = platform.transform(
        frame,
        task="classification",
        target="Traffic Situation",
        candidates=[{"estimator": "logistic_regression"}],
        transform=[{"step": "drop_duplicates"}],
    )
    (warning,) = platform.stage(context)["warnings"]
    assert warning.startswith("Leakage?")


def test_dropped_rows_are_counted_and_repeats_are_told(platform: Platform):
    trained = {"task": "regression", "target": "v", "candidates": [{"estimator": "ridge"}], "split": {"by": "random"}}
    context, _ = platform.transform(FRAME, **trained)
    assert any("1 of 4 rows repeat another row" in sentence for sentence in platform.stage(context)["warnings"])
    context, _ = platform.transform(FRAME, transform=[{"step": "drop_duplicates"}], **trained)
    warnings = platform.stage(context)["warnings"]
    assert "Transform step 'drop_duplicates' dropped 1 of 4 rows that repeat another row." in warnings
    assert not any("weigh once more" in sentence for sentence in warnings)
    numbered = FRAME.assign(number=range(len(FRAME)))
    steps = [{"step": "drop_duplicates"}, {"step": "drop_columns", "columns": ["number"]}]
    context, _ = platform.transform(numbered, transform=steps, **trained)
    (told,) = [sentence for sentence in platform.stage(context)["warnings"] if "weigh once more" in sentence]
    assert "Move {step: drop_duplicates} behind the other transform steps" in told


LARGE = pd.DataFrame({"k": range(150_000), "v": [None if i % 3 == 0 else i % 7 for i in range(150_000)]})
ROW_WISE = [
    {"step": "derive", "columns": {"w": "v / (k % 2)"}},
    {"step": "drop_nulls", "columns": ["v"]},
    {"step": "cast", "columns": {"v": "integer"}},
]


def test_a_table_in_parts_becomes_what_it_would_as_a_whole(platform: Platform, monkeypatch: pytest.MonkeyPatch):
    context, parts = platform.transform(LARGE, transform=ROW_WISE)
    monkeypatch.setattr("millrace.stages.transform.CHUNK_ROWS", 10**6)
    _, whole = platform.transform(LARGE, transform=ROW_WISE)
    assert parts.dataset == whole.dataset
    assert parts.profile == whole.profile
    assert parts.dataset.columns == {"k": "int64", "v": "int64", "w": "double"}
    assert [step["rows"] for step in parts.steps] == [150_000, 100_000, 100_000]
    assert platform.stage(context)["warnings"] == [
        "Transform step 'derive': 'w' is infinite in 42,857 rows; they became null.",
        "Transform step 'drop_nulls' dropped 50,000 of 150,000 rows that have no v.",
    ]


def test_a_step_that_needs_all_rows_gets_a_declared_sample(platform: Platform):
    parts = {"transform": [*ROW_WISE, {"step": "sort", "by": ["v"]}], "memory": {"max_rows": 500, "beyond": "sample"}}
    context, one = platform.transform(LARGE, **parts)
    _, two = platform.transform(LARGE, **parts)
    assert one.dataset == two.dataset
    rows = platform.rows(one)
    assert len(rows) == 500
    assert rows["v"].is_monotonic_increasing
    assert set(rows["k"] % 3) == {1, 2}
    assert platform.stage(context)["warnings"][0] == (
        "The table has 100,000 rows before the step 'sort', which needs all of them; a seeded sample of 500 goes on "
        "(memory.beyond: sample)."
    )


def test_or_is_refused_by_the_spec_or_by_the_memory(platform: Platform, monkeypatch: pytest.MonkeyPatch):
    sort = [{"step": "sort", "by": ["k"]}]
    with pytest.raises(TransformError, match=r"'sort' needs the whole table, and it has 104 rows, more than the 100"):
        platform.transform(pd.concat([FRAME] * 26), transform=sort, memory={"max_rows": 100})
    monkeypatch.setattr("millrace.stages.etl.table_room.get_settings", lambda: Settings(table_memory_mb=1))
    with pytest.raises(TransformError, match=r"which takes about 9 MiB; 1 MiB are allowed \(TABLE_MEMORY_MB\)"):
        platform.transform(LARGE, transform=sort)


def test_a_container_leaves_what_its_limit_and_its_page_cache_say(tmp_path: Path):
    from millrace.stages.etl.table_room import _left_in_group, free_memory

    assert _left_in_group(tmp_path) > free_memory() > 0
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\n")
    assert _left_in_group(tmp_path) == 450
    (tmp_path / "memory.max").write_text("max\n")
    assert _left_in_group(tmp_path) > free_memory()
