"""The bytes of an answer to one row: status line, headers and body in one piece.

The bodies are those that `serving.routes.predict.answer_of` and `serving.errors` make, byte for byte.
"""

from __future__ import annotations

import msgspec

from millrace.errors import MillraceError
from serving.access.middleware import HSTS
from serving.answers import now
from serving.runtime.loaded_model import LoadedModel, Predictions

Headers = list[tuple[bytes, bytes]]
_encode = msgspec.json.Encoder().encode


class Head:
    """The part of the answers of one status that is the same for all of a second."""

    def __init__(self, status: bytes, *own: tuple[bytes, bytes]) -> None:
        self._status = b"HTTP/1.1 %b\r\n" % status
        self._own = b"".join(b"%b: %b\r\n" % header for header in ((b"content-type", b"application/json"), *own))
        self._hsts = b"strict-transport-security: %b\r\n" % HSTS.encode()
        self._defaults: Headers | None = None
        self._made = b""

    def of(self, defaults: Headers, *, is_secure: bool) -> bytes:
        """The status line and the headers; `defaults` are uvicorn's, which it replaces every second (Date)."""
        if defaults is not self._defaults:
            given = b"".join(b"%b: %b\r\n" % header for header in defaults)
            self._defaults, self._made = defaults, self._status + given + self._own
        return self._made + self._hsts if is_secure else self._made


class Bodies:
    """The bodies for rows that one version answered at one moment."""

    def __init__(self, model: LoadedModel, found: Predictions) -> None:
        about = _encode({"model": model.version.name, "model_version": model.version.version, "timestamp": now()})
        self._about = b"," + about[1:-1] + b',"request_id":"'
        self._found = found

    def of(self, place: int, request_id: str, *, probabilities: bool) -> bytes:
        """The body for one of the rows."""
        found = self._found
        answer = b'{"success":true,"prediction":' + _encode(found.values[place])
        if found.confidences is not None:
            answer += b',"confidence":' + _encode(found.confidences[place])
        if probabilities and found.probabilities is not None:
            answer += b',"probabilities":' + _encode(found.probabilities[place])
        return answer + self._about + request_id.encode("ascii") + b'"}'


class Refusals:
    """The bodies that say why not, to some who asked at one moment."""

    def __init__(self, error: MillraceError) -> None:
        said = {"success": False, "error": str(error), "code": error.code, "timestamp": now(), "request_id": ""}
        self._said = _encode(said)[:-2]

    def of(self, request_id: str) -> bytes:
        """The body for one request."""
        return self._said + request_id.encode("ascii") + b'"}'


def whole(head: bytes, request_id: str, body: bytes) -> bytes:
    """One answer."""
    return b"%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (head, request_id.encode("ascii"), len(body), body)
