"""Where alerts are handed in, and from where their news go out: at least once each, whatever fails in between."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.alerts.channels import SENDERS, DeliveryError
from millrace.alerts.settings import AlertSettings, alert_settings
from millrace.settings import Settings
from millrace.stores.alerts import FAILED, PENDING, SENT, AlertStore, Finding

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
AT_ONCE = 100


class AlertDesk:
    """Takes findings, ends alerts, and delivers what is to be told."""

    def __init__(self, settings: Settings, options: AlertSettings | None = None) -> None:
        self.store = AlertStore(settings)
        self.options = options or alert_settings(settings.millrace_home)
        self._service = settings.service

    def note(self, pipeline: str, finding: Finding, source: str) -> str:
        """Open an alert or bring the active one up to date; returns its id. `source` is the check that found it."""
        return str(self.store.note(pipeline, finding, self.options.channels, source)["_id"])

    def resolve(self, alert_id: str, by: str, reason: str) -> dict[str, Any]:
        """End an alert. Raises NotFoundError."""
        return self.store.resolve(alert_id, by, reason, self.options.channels)

    def resolve_gone(
        self, pipeline: str, judged: Callable[[str, str], bool], present: set[tuple[str, str]], by: str
    ) -> list[str]:
        """End the active alerts whose kind and subject were `judged` and are not `present` any more; their ids."""
        gone = [
            alert["_id"]
            for alert in self.store.active(pipeline)
            if judged(alert["kind"], alert["subject"]) and (alert["kind"], alert["subject"]) not in present
        ]
        for alert_id in gone:
            self.resolve(alert_id, by, "a later check found the condition gone")
        return gone

    def deliver(self) -> int:
        """Send what is due; how many were sent. A channel that fails is tried again later, ever less often."""
        sent = 0
        for _ in range(AT_ONCE):
            claimed = self.store.claim_news()
            if claimed is None:
                break
            sent += self._deliver(*claimed)
        return sent

    def _deliver(self, alert: dict[str, Any], news: dict[str, Any]) -> bool:
        try:
            self._send(alert, news)
        except DeliveryError as error:
            self._put_off(alert, news, str(error))
            return False
        except Exception as error:  # a fault of one channel must not keep the other news from going out
            self._put_off(alert, news, f"the channel failed: {type(error).__name__}")
            return False
        self.store.close_news(alert["_id"], news["id"], SENT)
        return True

    def _send(self, alert: dict[str, Any], news: dict[str, Any]) -> None:
        if news["channel"] not in self.options.channels:
            raise DeliveryError(f"the channel '{news['channel']}' is not set up here")
        SENDERS[news["channel"]](self.options, alert, news, self._service)

    def _put_off(self, alert: dict[str, Any], news: dict[str, Any], reason: str) -> None:
        now = datetime.now(UTC)
        given_up = now - news["made_at"] > timedelta(hours=self.options.alert_retry_hours)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(news["attempts"] - 1, 10))
        status, next_at = (FAILED, None) if given_up else (PENDING, now + pause)
        log.warning("alert %s was not delivered by %s: %s", alert["_id"], news["channel"], reason)
        self.store.close_news(alert["_id"], news["id"], status, reason, next_at)
