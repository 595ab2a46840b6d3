"""Tables as files: CSV, Arrow and Parquet, in and out. A new format is one entry here."""

from __future__ import annotations

from serving.runtime.tables.arrow_ipc import ARROW_FILE, ARROW_STREAM
from serving.runtime.tables.base import TableFormat
from serving.runtime.tables.comma_separated import CSV
from serving.runtime.tables.parquet import PARQUET

FORMATS: dict[str, TableFormat] = {
    name: each for each in (CSV, ARROW_STREAM, ARROW_FILE, PARQUET) for name in (each.media_type, *each.aliases)
}
"""The formats by media type."""
