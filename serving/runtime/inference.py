"""One inference request of the Open Inference Protocol: what is asked, of which rows, and how the answer is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from millrace.errors import RequestError
from millrace.inputs.signature import Signature
from serving.failures import MalformedBodyError
from serving.runtime.strict_json import parse_json
from serving.runtime.tables.base import Table
from serving.runtime.tensors import columns_of


@dataclass(frozen=True)
class InferRequest:
    """A request that has been read."""

    id: str | None
    table: Table
    outputs: list[str]
    """The outputs by name; none: all that cost nothing more."""
    binary: frozenset[str] | None
    """The outputs to be sent as bytes; None: all of them."""


def read_request(body: bytes, json_length: str | None, signature: Signature) -> InferRequest:
    """Read a body whose JSON has so many bytes (None: it is all of it). Raises MalformedBodyError or RequestError."""
    end = len(body) if json_length is None else _length(json_length, len(body))
    document = parse_json(body[:end])
    if type(document) is not dict:
        raise RequestError("The request is no JSON object.", hint='Send {"inputs": [...]}.')
    outputs = _outputs(document)
    binary = _binary(document, outputs)
    return InferRequest(
        id=_id(document),
        table=columns_of(document.get("inputs"), signature, body[end:]),
        outputs=[str(output["name"]) for output in outputs],
        binary=binary,
    )


def _length(given: str, most: int) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 16 and 0 < int(given) <= most):
        raise MalformedBodyError(
            f"Inference-Header-Content-Length is {given!r:.40}, but the body has {most} bytes.",
            hint="It is the number of bytes of the JSON at the body's beginning.",
        )
    return int(given)


def _id(document: dict[str, Any]) -> str | None:
    identity = document.get("id")
    if identity is not None and type(identity) is not str:
        raise RequestError(f"'id' is {identity!r:.40}; a text is wanted.")
    return identity


def _outputs(document: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = document.get("outputs") or []
    if type(outputs) is not list or not all(type(output) is dict and "name" in output for output in outputs):
        raise RequestError("'outputs' is no list of objects with a name.", hint="Leave it out to get the predictions.")
    for output in outputs:
        if "classification" in _parameters(output):
            raise RequestError("The parameter 'classification' is not supported.", hint="Ask for 'predict_proba'.")
    return outputs


def _binary(document: dict[str, Any], outputs: list[dict[str, Any]]) -> frozenset[str] | None:
    """Each output says for itself whether it is to be bytes; the request says it for those that do not."""
    default = _parameters(document).get("binary_data_output") is True
    if not outputs:
        return None if default else frozenset()
    return frozenset(str(o["name"]) for o in outputs if _parameters(o).get("binary_data", default) is True)


def _parameters(of: dict[str, Any]) -> dict[str, Any]:
    parameters = of.get("parameters") or {}
    if type(parameters) is not dict:
        raise RequestError(f"'parameters' is {parameters!r:.40}; an object is wanted.")
    return parameters
