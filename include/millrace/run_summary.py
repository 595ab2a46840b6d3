"""A run record as the small JSON object that scripts, the service and the console show.

It reads a record and nothing else; `docs/cli.md` documents its keys, which are stable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

_ORDER = ("extract", "validate", "transform", "load", "train", "evaluate", "register", "promote", "forecast", "score")


def run_summary(record: dict[str, Any]) -> dict[str, Any]:
    """The summary of a run record, complete or not: what has not happened yet is null, empty or false."""
    stages = record.get("stages", {})
    extracted, validated = _output(stages, "extract"), _output(stages, "validate")
    evaluated, registered = _output(stages, "evaluate"), _output(stages, "register")
    settled = _output(stages, "promote") or registered
    return {
        "run_id": record["_id"],
        "pipeline": record["pipeline"],
        "status": record["status"],
        "error": record.get("error"),
        "dataset_version": extracted.get("dataset", {}).get("version"),
        "rows": {
            "extracted": extracted.get("dataset", {}).get("rows"),
            "quarantined": validated.get("quarantined"),
            "validated": validated.get("dataset", {}).get("rows"),
            "transformed": _output(stages, "transform").get("dataset", {}).get("rows"),
        },
        "validation": _validation(stages),
        "warnings": _warnings(stages),
        "candidates": _candidates(stages),
        "best": evaluated.get("best"),
        "breakdown": evaluated.get("breakdown"),
        "promoted": bool(settled.get("promoted", False)),
        "reason": settled.get("reason"),
        "decision": registered.get("decision") or None,
        "model_version": registered.get("model_version"),
        "compiled": registered.get("compiled"),
        "scored": _output(stages, "score") or None,
        "stages": stage_list(stages),
    }


def stage_list(stages: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages in their order as `{"name", "status", "seconds"}`; `train` sums up its candidates."""
    listed = []
    for name in dict.fromkeys(key.partition(":")[0] for key in sorted(stages, key=_place)):
        parts = [stage for key, stage in stages.items() if key.partition(":")[0] == name]
        listed.append({"name": name, "status": _status(parts), "seconds": _seconds(parts)})
    return listed


def _place(key: str) -> int:
    """Where a stage stands; a scheduler's further tasks, which are there only if they failed, stand last."""
    name = key.partition(":")[0]
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _status(parts: list[dict[str, Any]]) -> str:
    """The status of parts as one: the worst that has happened, running while any part runs."""
    found = {part["status"] for part in parts}
    return next((status for status in ("failed", "killed", "running") if status in found), "success")


def _seconds(parts: list[dict[str, Any]]) -> float | None:
    """Seconds of wall clock from the first part's start to the last one's end; None while one runs."""
    if any(part.get("finished_at") is None for part in parts):
        return None
    if len(parts) == 1:
        return round(float(parts[0].get("seconds") or 0.0), 3)
    started: datetime = min(part["started_at"] for part in parts)
    finished: datetime = max(part["finished_at"] for part in parts)
    return round((finished - started).total_seconds(), 3)


def _output(stages: dict[str, Any], name: str) -> dict[str, Any]:
    return (stages.get(name) or {}).get("output") or {}


def _validation(stages: dict[str, Any]) -> dict[str, Any]:
    """Whether the table passed, and each expectation that did not hold, also when that stopped the run."""
    stage = stages.get("validate") or {}
    details = (stage.get("error") or {}).get("details") or {}
    failed = (stage.get("output") or details).get("failed", [])
    return {"passed": stage.get("status") == "success" and not failed, "failed": failed}


def _warnings(stages: dict[str, Any]) -> list[str]:
    ordered = sorted(stages, key=_place)
    sentences = [sentence for key in ordered for sentence in stages[key].get("warnings") or []]
    return list(dict.fromkeys(sentences))


def _candidates(stages: dict[str, Any]) -> list[dict[str, Any]]:
    """Each candidate that was fitted; with the comparison of `evaluate` once it is there."""
    compared = _output(stages, "evaluate").get("candidates")
    if compared:
        return list(compared)
    trained = [_output(stages, key) for key in stages if key.startswith("train:")]
    return [
        {"name": output["candidate"], "estimator": output["estimator"], "metrics": output["metrics"]}
        for output in trained
        if output
    ]
