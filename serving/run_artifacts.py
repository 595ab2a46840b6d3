"""Which files of a run may be read through the service: those that its record lists, under names of our own.

A name is looked up and never joined to a path, except inside the folder of the validation report.
"""

from __future__ import annotations

import mimetypes
from typing import Any

from millrace.errors import NotFoundError

PLOTS, REPORTS, REPORT = "plots", "reports", "report"


def artifact_names(record: dict[str, Any]) -> dict[str, Any]:
    """What can be asked for: each plot, each report in JSON, and the page of the validation report or None."""
    report = _report(record)
    return {
        "plots": [f"{PLOTS}/{name}" for name in _files(record, PLOTS)],
        "reports": [f"{REPORTS}/{name}" for name in _files(record, REPORTS)],
        "report": f"{REPORT}/{report.rpartition('/')[2] or 'index.html'}" if report else None,
    }


def artifact_uri(record: dict[str, Any], path: str) -> str:
    """The s3:// URI behind a name. Raises NotFoundError for everything that the record does not list."""
    kind, _, rest = path.partition("/")
    report = _report(record)
    if kind in {PLOTS, REPORTS} and rest in (files := _files(record, kind)):
        return files[rest]
    if kind == REPORT and report is not None and _is_plain(rest):
        return f"{report.rpartition('/')[0]}/{rest}"
    names = artifact_names(record)
    listed = [*names["plots"], *names["reports"], *([names["report"]] if names["report"] else [])]
    hint = f"It has: {', '.join(listed)}." if listed else "It has none yet."
    raise NotFoundError(f"The run {record['_id']} has no artifact '{path}'.", hint=hint)


def media_type(uri: str) -> str:
    """The type of a file by its name."""
    return mimetypes.guess_type(uri)[0] or "application/octet-stream"


def _files(record: dict[str, Any], kind: str) -> dict[str, str]:
    return dict(_output(record, "evaluate").get(kind) or {})


def _report(record: dict[str, Any]) -> str | None:
    """The report's page; of a failed validation it stands in the error's details."""
    stage = (record.get("stages") or {}).get("validate") or {}
    details = (stage.get("error") or {}).get("details") or {}
    return _output(record, "validate").get("report_uri") or details.get("report_uri")


def _output(record: dict[str, Any], stage: str) -> dict[str, Any]:
    return ((record.get("stages") or {}).get(stage) or {}).get("output") or {}


def _is_plain(path: str) -> bool:
    """Whether a path goes down only."""
    return "\\" not in path and "\0" not in path and all(part not in {"", ".", ".."} for part in path.split("/"))
