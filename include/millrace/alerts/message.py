"""What is told of an alert: the JSON for programs and the text for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

_HEADINGS = {"opened": "", "worsened": "Worse: ", "resolved": "Resolved: "}
_TOLD = (
    "pipeline", "kind", "subject", "severity", "status", "message", "details", "times_seen", "opened_at",
    "last_seen_at", "acknowledged_by", "resolved_at", "resolved_by", "resolved_reason",
)  # fmt: skip


def payload(alert: dict[str, Any], news: dict[str, Any], service: str) -> dict[str, Any]:
    """The alert as a webhook gets it; `delivery` is the same in every attempt, so that a receiver can tell repeats."""
    told = {name: _plain(alert.get(name)) for name in _TOLD}
    return {
        "event": news["event"],
        "delivery": news["id"],
        "alert": {"id": alert["_id"], **told},
        "console": f"{service.rstrip('/')}/#/alerts",
    }


def subject(alert: dict[str, Any], news: dict[str, Any]) -> str:
    """One line; a line break in a name must not become a header of a mail."""
    line = f"[{alert['severity']}] {_HEADINGS[news['event']]}{alert['pipeline']}: {alert['message']}"
    return " ".join(line.split())[:200]


def text(alert: dict[str, Any], news: dict[str, Any], service: str) -> str:
    """The body of a mail."""
    lines = [
        alert["message"],
        "",
        f"Pipeline: {alert['pipeline']}",
        f"What: {alert['kind']}, {alert['subject']} ({alert['severity']})",
        f"Since: {_plain(alert['opened_at'])}, seen {alert['times_seen']} times",
        f"State: {alert['status']}" + (f" ({alert['resolved_reason']})" if alert.get("resolved_reason") else ""),
        "",
        f"{service.rstrip('/')}/#/alerts",
    ]
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
