"""Arrow's columns for the codec: taken as they are where every value fits its field, else as JSON values to look at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.inputs.signature import InputField, Signature
from millrace.inputs.typed import fitted
from serving.runtime.tables.base import Table
from serving.runtime.tables.comma_separated import check_names

if TYPE_CHECKING:
    from serving.runtime.codec import GivenColumn


def parts_of(batch: Any, signature: Signature, rows: int) -> Iterator[Table]:
    """A record batch as parts of at most so many rows. Its values are checked first: a sender may have made them up."""
    check_names(batch.schema.names)
    batch.validate(full=True)
    fields = {field.name: field for field in signature.fields}
    for start in range(0, batch.num_rows, rows):
        part = batch.slice(start, rows)
        yield (
            {name: column_of(fields.get(name), part.column(name)) for name in batch.schema.names},
            part.num_rows,
        )


def column_of(field: InputField | None, values: Any) -> GivenColumn:
    """An Arrow array as the codec takes it; nothing of a column that the model does not know."""
    import pyarrow as pa

    if field is None:
        return []
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s" if pa.types.is_date32(values.type) else "ms"))
    is_present = np.asarray(values.is_valid())
    taken = fitted(field, _array(values.drop_null()), is_present)
    return _json_values(values) if taken is None else taken


def _array(values: Any) -> Any:
    return values.to_numpy(zero_copy_only=False)


def _json_values(values: Any) -> list[Any]:
    try:
        return [_json_value(value) for value in values.to_pylist()]
    except (OverflowError, ValueError):  # a time of a year that Python does not know
        return [None if value is None else str(value) for value in _array(values).astype(object)]


def _json_value(value: Any) -> Any:
    """A value as JSON would bring it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
