"""What the routes share that take a whole table in one form or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from serving.body import read_body
from serving.deps import Services
from serving.failures import TooLargeError
from serving.runtime.loaded_model import LoadedModel, Predictions

Read = Callable[[bytes], tuple[dict[str, list[Any]], int]]


async def predict_table(
    services: Services,
    model: LoadedModel,
    request: Request,
    read: Read,
    *,
    probabilities: Callable[[], bool] = lambda: False,
) -> Predictions:
    """Predict the rows that `read` finds in the body; it works beside the event loop. `probabilities` is asked then."""
    limits = services.limits
    body = await read_body(request, limits.serving_body_bytes, limits.serving_body_seconds)

    def columns() -> dict[str, Any]:
        given, rows = read(body)
        if rows > limits.serving_batch_rows:
            raise TooLargeError(
                f"The table has {rows:,} rows; at most {limits.serving_batch_rows:,} are taken at a time.",
                hint="Send it in parts, or raise SERVING_BATCH_ROWS.",
            )
        ignore = limits.serving_unknown_fields == "ignore"
        return model.codec.decode_columns(given, rows, ignore_unknown=ignore)

    decoded = await services.pool.run(columns)
    return await services.answering.of_columns(model, decoded, probabilities=probabilities())
