"""Lists by pages, newest first: each page names the moment before which the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


Before = Annotated[datetime, AfterValidator(_with_zone)]
"""Only what is older than this moment (ISO 8601; UTC where it names no zone): the `next_before` of a page."""


def next_before(found: Sequence[dict[str, Any]], limit: int, by: str) -> str | None:
    """What asks for the page after this one; None after the last page."""
    return found[-1][by].isoformat() if len(found) == limit else None
