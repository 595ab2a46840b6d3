"""The errors that only the service raises; `serving.errors` shows them."""

from __future__ import annotations

from typing import ClassVar

from millrace.errors import MillraceError, RequestError


class MalformedBodyError(RequestError):
    """The body is no JSON, or not the JSON that this address takes."""

    code = "malformed_body"
    http_status = 400


class TooLargeError(RequestError):
    """The body or the batch is beyond the limit."""

    code = "too_large"
    http_status = 413


class SlowBodyError(RequestError):
    """The body did not arrive in time."""

    code = "slow_body"
    http_status = 408


class NotAcceptableError(RequestError):
    """The answer cannot be given in a form that the caller takes."""

    code = "not_acceptable"
    http_status = 406


class UnsupportedMediaError(RequestError):
    """The body is of a type that this address does not read."""

    code = "unsupported_media_type"
    http_status = 415


class UnknownEncodingError(UnsupportedMediaError):
    """The body is packed in a way that is not unpacked here."""

    headers: ClassVar = {"Accept-Encoding": "gzip, deflate"}


class OverloadedError(MillraceError):
    """More predictions wait than may wait."""

    code = "overloaded"
    http_status = 503
    retryable = True


class ProcessDiedError(OverloadedError):
    """The process that was asked died, and another is not there yet."""

    code = "process_died"


class NotLoadedError(MillraceError):
    """The model exists, but it cannot be served yet."""

    code = "model_not_loaded"
    http_status = 503
    retryable = True


class NotExplainableError(MillraceError):
    """No explainer fits the model, or none within its time."""

    code = "not_explainable"
    http_status = 501


class ModelFailedError(MillraceError):
    """The model was asked and gave no usable answer."""

    code = "model_failed"
