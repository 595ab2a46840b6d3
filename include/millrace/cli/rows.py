"""Reads a file of rows for prediction as JSON objects, with the library's own file source."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millrace.cli.failures import CommandError

if TYPE_CHECKING:
    import pandas as pd


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a .csv, .json or .parquet file; a missing value is null. Raises SourceError or CommandError."""
    from millrace.profiling.table import open_table

    rows = as_objects(open_table(path).frame)
    if not rows:
        raise CommandError(f"{path} holds no rows.", hint="Give a file with at least one row.")
    return rows


def as_objects(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame's rows as JSON objects: times in ISO 8601, NaN as null."""
    text = frame.to_json(orient="records", date_format="iso", date_unit="us", double_precision=15)
    rows: list[dict[str, Any]] = json.loads(text)
    return [{name: _finite(value) for name, value in row.items()} for row in rows]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
