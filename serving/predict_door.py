"""The short way for the request that comes most often: a JSON body for `/predict` or `/predict/batch`.

A plain ASGI layer before the framework: no route is searched, no object is made for request or answer. It takes only
what it answers exactly as `serving.routes.predict` would, and passes everything else on. Errors go up to the outermost
layer, which words them.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.access.permissions import Permission, authorize
from serving.body import receive_body
from serving.deps import Services
from serving.routes.predict import answer_of

_PREFIX = "/api/v1/models/"
_ONE, _MANY = "/predict", "/predict/batch"
_ANY = (b"*/*", b"application/json")
_QUERIES = {b"": False, b"probabilities=false": False, b"probabilities=true": True}


class PredictDoor:
    """Answers ordinary predictions, and lets the application answer the rest."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        target = _target(scope)
        if target is None:
            await self.app(scope, receive, send)
            return
        name, many = target
        authorize(scope, Permission.PREDICT, name)
        services = self._services
        services.manager.get(name)  # whoever asks for a model that is not there need not send the body
        limits = services.limits
        body = await receive_body(scope["headers"], receive, limits.serving_body_bytes, limits.serving_body_seconds)
        probabilities = _QUERIES[scope["query_string"]]
        model, found = await services.answering.of_body(name, body, many=many, probabilities=probabilities)
        await _send_json(send, answer_of(model, found, many=many))


def _target(scope: Scope) -> tuple[str, bool] | None:
    """The model's name, and whether a list is sent; None for any other request."""
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(_PREFIX):
        return None
    rest: str = scope["path"][len(_PREFIX) :]
    many = rest.endswith(_MANY)
    name = rest.removesuffix(_MANY if many else _ONE)
    if name == rest or not name or "/" in name or scope["query_string"] not in _QUERIES:
        return None
    return None if many and not (_is_json(scope) and _takes_json(scope)) else (name, many)


def _is_json(scope: Scope) -> bool:
    """Whether the body is to be read as JSON: what names no type of table is."""
    kind: bytes = next((value for key, value in scope["headers"] if key == b"content-type"), b"application/json")
    return kind.startswith((b"application/json", b"application/x-www-form-urlencoded"))  # the second: curl's default


def _takes_json(scope: Scope) -> bool:
    """Whether the answer may certainly be JSON: where Accept says more than that, the route weighs it."""
    return next((value for key, value in scope["headers"] if key == b"accept"), b"*/*") in _ANY


async def _send_json(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
