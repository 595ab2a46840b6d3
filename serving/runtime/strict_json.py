"""Reads strict JSON and says where it breaks: UTF-8, no duplicate keys, no NaN or Infinity.

The careful way, for a body that the quick decoder of `row_types` did not take. What the JSON means for a model is the
codec's matter.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from serving.failures import MalformedBodyError


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
