"""Sends errors to Sentry: the stack trace and the request's id, never headers, bodies or values of variables."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from millrace.errors import SettingsError
from millrace.revealed import hidden_in
from serving.logs import current_scope, request_id, user_of

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_KEPT = frozenset(
    {
        "event_id", "timestamp", "level", "platform", "logger", "exception", "logentry", "message", "release",
        "environment", "server_name", "sdk", "tags", "user", "transaction", "threads", "modules",
    }
)  # fmt: skip
"""What may leave of an event; all else (the request, breadcrumbs, the context of the process) stays here."""


def start_sentry(dsn: str, environment: str, release: str) -> None:
    """Send from now on what is logged as an error. Raises SettingsError for an address that is none."""
    import sentry_sdk
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn,
            environment=environment,
            release=release,
            default_integrations=False,  # they would wrap every request, and read its headers
            auto_enabling_integrations=False,
            integrations=[LoggingIntegration(event_level=logging.ERROR), DedupeIntegration()],
            send_default_pii=False,
            include_local_variables=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            before_send=scrubbed,
        )
    except BadDsn as error:
        raise SettingsError(
            f"SENTRY_DSN cannot be used: {error}.", hint="Copy it from the project in Sentry."
        ) from None


def stop_sentry() -> None:
    """Send what waits, for two seconds at most."""
    import sentry_sdk

    sentry_sdk.get_client().close(timeout=2.0)


def scrubbed(event: Event, _: Hint) -> Event:
    """The event without what could hold a secret, and with the names by which our own log knows the request."""
    kept: Any = hidden_in({name: value for name, value in event.items() if name in _KEPT})
    scope = current_scope.get()
    tags = {"request_id": request_id.get()}
    if scope is not None:
        tags |= {"method": scope["method"], "path": scope["path"]}
    kept["tags"] = tags
    kept["user"] = {"username": user_of(scope)} if user_of(scope) else {}
    result: Event = kept
    return result
