"""A run record as the stable JSON object for scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.run_summary import run_summary

START = datetime(2026, 1, 1, tzinfo=UTC)


def stage(status: str = "success", begin: float = 0, seconds: float = 1, **fields: Any) -> dict[str, Any]:
    return {
        "status": status,
        "started_at": START + timedelta(seconds=begin),
        "finished_at": START + timedelta(seconds=begin + seconds),
        "seconds": seconds,
        **fields,
    }


def test_a_run_that_has_not_begun() -> None:
    summary = run_summary({"_id": "r", "pipeline": "p", "status": "queued"})
    assert summary["status"] == "queued"
    assert summary["rows"] == {"extracted": None, "quarantined": None, "validated": None, "transformed": None}
    assert (summary["stages"], summary["candidates"], summary["promoted"]) == ([], [], False)


def test_candidates_run_side_by_side_and_sum_up_as_train() -> None:
    stages = {"train:a": stage(begin=0, seconds=2), "train:b": stage(begin=1, seconds=3), "extract": stage()}
    listed = run_summary({"_id": "r", "pipeline": "p", "status": "success", "stages": stages})["stages"]
    assert listed == [
        {"name": "extract", "status": "success", "seconds": 1.0},
        {"name": "train", "status": "success", "seconds": 4.0},
    ]


def test_the_worst_part_is_the_stages_status() -> None:
    stages = {"train:a": stage(), "train:b": stage("killed")}
    summary = run_summary({"_id": "r", "pipeline": "p", "status": "failed", "stages": stages})
    assert summary["stages"][0]["status"] == "killed"


def test_failed_expectations_show_also_when_they_stopped_the_run() -> None:
    error = {"code": "validation_failed", "message": "…", "details": {"failed": [{"expect": "x"}]}}
    stages = {"validate": stage("failed", error=error)}
    summary = run_summary({"_id": "r", "pipeline": "p", "status": "failed", "error": error, "stages": stages})
    assert summary["validation"] == {"passed": False, "failed": [{"expect": "x"}]}


def test_warnings_come_in_the_order_of_the_stages_and_once() -> None:
    stages = {"train:a": stage(warnings=["late", "both"]), "extract": stage(warnings=["early", "both"])}
    summary = run_summary({"_id": "r", "pipeline": "p", "status": "success", "stages": stages})
    assert summary["warnings"] == ["early", "both", "late"]
