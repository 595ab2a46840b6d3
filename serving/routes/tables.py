"""What the routes share that take a whole table in one form or another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request

from serving.body import read_body
from serving.deps import Services
from serving.failures import TooLargeError
from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.predictors.base import Columns
from serving.runtime.tables.base import Table, TableFormat
from serving.runtime.tables.decoding import decoded_whole
from serving.runtime.traffic import Choice

Read = Callable[[bytes], Table]
Decode = Callable[[bytes], Columns]


def by_format(services: Services, model: LoadedModel, form: TableFormat) -> Decode:
    """The decoder of a body that is a file of a format."""
    limits = services.limits
    ignore = limits.serving_unknown_fields == "ignore"
    return lambda body: decoded_whole(form, body, model, most=limits.serving_batch_rows, ignore_unknown=ignore)


def by_reader(services: Services, model: LoadedModel, read: Read) -> Decode:
    """The decoder of a body whose table `read` finds."""
    limits = services.limits

    def decode(body: bytes) -> dict[str, Any]:
        given, rows = read(body)
        if rows > limits.serving_batch_rows:
            raise TooLargeError(
                f"The table has {rows:,} rows; at most {limits.serving_batch_rows:,} are taken at a time.",
                hint="Send it in parts, or raise SERVING_BATCH_ROWS.",
            )
        ignore = limits.serving_unknown_fields == "ignore"
        return model.codec.decode_columns(given, rows, ignore_unknown=ignore)

    return decode


async def predict_table(
    services: Services,
    choice: Choice,
    request: Request,
    decode: Decode,
    *,
    probabilities: Callable[[], bool] = lambda: False,
    is_shared: bool = True,
) -> tuple[LoadedModel, Predictions]:
    """Predict the rows that `decode` finds in the body, beside the event loop; `probabilities` is asked after it.

    `is_shared`: the traffic rule chose the version, and not the caller.
    """
    limits = services.limits
    body = await read_body(request, limits.serving_body_bytes, limits.serving_body_seconds)
    columns = await services.pool.run(partial(decode, body))
    return await services.answering.of_choice(choice, columns, probabilities=probabilities(), is_shared=is_shared)
