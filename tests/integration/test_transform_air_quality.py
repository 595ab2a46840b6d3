"""From the UCI file to the transformed table: extract, validate and transform on real, ugly data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.extract import extract
from millrace.stages.transform import transform
from millrace.stages.validate import validate
from millrace.stores.artifacts import S3ArtifactStore
from millrace.stores.runs import MongoRunStore

pytestmark = pytest.mark.integration


def test_air_quality_loses_its_empty_rows_and_nothing_else(
    run_store: MongoRunStore, artifact_store: S3ArtifactStore, data_dir: Path
):
    spec = PipelineSpec.model_validate(
        {
            "name": "air-quality",
            "source": {
                "type": "file",
                "path": str(data_dir / "air_quality" / "AirQualityUCI.csv"),
                "format": "csv",
                "read": {"sep": ";", "decimal": ",", "na_values": [-200]},
                "timestamp": {"from": ["Date", "Time"], "format": "%d/%m/%Y %H.%M.%S", "as": "observed_at"},
            },
            "expectations": [
                {
                    "expect": "expect_column_values_to_be_between",
                    "column": "T",
                    "min_value": -20,
                    "max_value": 50,
                    "on_failure": "quarantine",
                },
                {"expect": "expect_column_values_to_be_unique", "column": "observed_at"},
            ],
            "transform": [
                {"step": "drop_empty"},
                {"step": "drop_duplicates"},
                {"step": "drop_columns", "columns": ["NMHC(GT)"]},
            ],
            "task": "regression",
            "target": "CO(GT)",
            "candidates": [{"estimator": "linear"}],
        }
    )
    run_store.create_run({"_id": "r", "pipeline": spec.name, "created_at": datetime.now(UTC), "stages": {}})
    context = RunContext("r", spec, "v1", run_store, artifact_store, registry=None)  # type: ignore[arg-type]
    validated = validate(context, extract(context))
    assert (validated.passed, validated.quarantined) == (2, 0)
    transformed = transform(context, validated)
    table = artifact_store.open_dataset(transformed.dataset.uri).frame()
    assert table["CO(GT)"].notna().sum() == 7674
    assert table["CO(GT)"].min() > 0
    assert len(table) == 9357 - 31  # 31 hours have a time and no reading at all
    assert table["observed_at"].is_monotonic_increasing
    warnings = run_store.get_run("r")["stages"]["transform"]["warnings"]
    assert [warning for warning in warnings if warning.startswith("Leakage")] == []
