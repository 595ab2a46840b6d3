"""The parts of telemetry of one process. Where nothing is set, nothing is imported, and no request pays for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from millrace import __version__
from serving.telemetry.settings import TelemetrySettings, telemetry_settings

if TYPE_CHECKING:
    from serving.telemetry.tracing import Tracing


class Telemetry:
    """Errors to Sentry, spans by OpenTelemetry, each where it is set."""

    def __init__(self, home: Path) -> None:
        self._settings: TelemetrySettings = telemetry_settings(home)
        if self._settings.sentry_dsn is not None:
            from serving.telemetry.sentry import start_sentry

            dsn = self._settings.sentry_dsn.get_secret_value()
            start_sentry(dsn, self._settings.sentry_environment, __version__)

    @cached_property
    def tracing(self) -> Tracing | None:
        """The spans, or None where they are not wanted."""
        endpoint = self._settings.otel_exporter_otlp_endpoint
        if endpoint is None:
            return None
        from serving.telemetry.tracing import Tracing

        return Tracing(str(endpoint), self._settings.otel_service_name, __version__)

    def noting(self, note: Callable[..., None]) -> Callable[..., None]:
        """What notes a prediction; with spans, it also says there which version made it."""
        return self.tracing.noting(note) if self.tracing is not None else note

    def close(self) -> None:
        """Send what waits, and end."""
        if self.tracing is not None:
            self.tracing.close()
        if self._settings.sentry_dsn is not None:
            from serving.telemetry.sentry import stop_sentry

            stop_sentry()
