"""Reads a request's body: bounded in size and time, and as strict JSON.

Strict: UTF-8, no duplicate keys, no NaN or Infinity. What the JSON means for a model is the codec's matter.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from serving.failures import MalformedBodyError, SlowBodyError, TooLargeError


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The whole body. Raises TooLargeError as soon as it passes `limit`, SlowBodyError after `seconds`."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        _refuse_size(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request, limit)
    except TimeoutError:
        raise SlowBodyError(f"The body did not arrive within {seconds:g} seconds.", hint="Send it again.") from None
    except ClientDisconnect:
        raise MalformedBodyError("The connection closed before the whole body had arrived.") from None


async def _collect(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            _refuse_size(limit)
    return bytes(body)


def _refuse_size(limit: int) -> NoReturn:
    raise TooLargeError(f"The body is larger than {limit:,} bytes.", hint="Send fewer rows at a time.")


def parse_json(body: bytes) -> Any:
    """The body's JSON. Raises MalformedBodyError that says where it breaks."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.", hint="Send JSON: one row as an object of input fields.")
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedBodyError(f"The body is no valid JSON: {error.msg} at {where}.") from None
    except RecursionError:
        raise MalformedBodyError("The body is nested too deeply.", hint="A row is a flat object of fields.") from None
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedBodyError(f"The body holds a number that cannot be read: {error}.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise MalformedBodyError(f"The field '{twice}' stands twice in one object.", hint="Send each field once.")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise MalformedBodyError(f"{word} is no JSON number.", hint="Send null for a value that is missing.")
