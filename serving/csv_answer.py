"""Documents as comma-separated values: times in ISO 8601, what is nested as JSON, what is not there empty."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from starlette.responses import Response

CSV_TYPE = "text/csv"


def csv_answer(rows: list[dict[str, Any]], columns: Iterable[str], headers: dict[str, str]) -> Response:
    """The rows with these columns, less those that no row has."""
    present = {name for row in rows for name in row}
    kept = [name for name in columns if not rows or name in present]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(kept)
    writer.writerows([_cell(row.get(name)) for name in kept] for row in rows)
    return Response(out.getvalue(), media_type=CSV_TYPE, headers=headers)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
