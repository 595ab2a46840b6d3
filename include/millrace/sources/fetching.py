"""Fetches one HTTP address to a temporary file.

What may pass by itself (no connection, a timeout, 429, 5xx) is tried again with growing pauses; a host that keeps
failing is left alone for a while by its circuit breaker.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pybreaker
import tenacity

from millrace.errors import SourceError, SourceUnavailableError
from millrace.sources.masking import first_line, shown_url

if TYPE_CHECKING:
    from millrace.sources.http import HttpSource

CONNECT_SECONDS = 10
FAILURES_UNTIL_OPEN = 8
SECONDS_OPEN = 30
_LONGEST_PAUSE = 20
_HINTS = {
    401: "Add the credentials under source.headers, e.g. {Authorization: Bearer ${TOKEN}}.",
    403: "Check the credentials under source.headers, and whether they may read this file.",
    404: "Check the address; open it in a browser.",
    410: "The file was removed: find its new address.",
}


@dataclass(frozen=True)
class FetchedFile:
    """A file that was fetched whole."""

    path: Path
    size: int
    sha256: str
    content_type: str


@contextmanager
def fetched(source: HttpSource) -> Iterator[FetchedFile]:
    """Fetch the source's file; it is removed at the end. Raises SourceError or SourceUnavailableError."""
    with tempfile.TemporaryDirectory(prefix="millrace-http-") as folder:
        yield _with_retries(source, Path(folder) / "table")


@lru_cache(maxsize=256)
def breaker(host: str) -> pybreaker.CircuitBreaker:
    """The circuit breaker of a host; it counts only failures that may pass by themselves."""
    return pybreaker.CircuitBreaker(
        fail_max=FAILURES_UNTIL_OPEN,
        reset_timeout=SECONDS_OPEN,
        exclude=[lambda error: not isinstance(error, SourceUnavailableError)],
        name=host,
    )


def _with_retries(source: HttpSource, path: Path) -> FetchedFile:
    host = urlsplit(source.url).netloc.rpartition("@")[2]
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(source.attempts),
        wait=_pause,
        retry=tenacity.retry_if_exception_type(SourceUnavailableError),
        reraise=True,
    )
    try:
        result: FetchedFile = retrying(breaker(host).call, _fetch, source, path)
    except pybreaker.CircuitBreakerError as error:
        raise SourceUnavailableError(
            f"{host} failed {FAILURES_UNTIL_OPEN} times in a row and is left alone for {SECONDS_OPEN} seconds.",
            hint="Check that the server is up, then run again.",
        ) from error
    return result


def _pause(state: tenacity.RetryCallState) -> float:
    """Growing pauses with jitter, or what the server asked for by Retry-After."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.details.get("retry_after") if isinstance(error, SourceError) else None
    if asked is not None:
        return min(float(asked), _LONGEST_PAUSE)
    return tenacity.wait_exponential_jitter(multiplier=0.2, max=_LONGEST_PAUSE, jitter=0.2)(state)


def _fetch(source: HttpSource, path: Path) -> FetchedFile:
    shown = shown_url(source.url)
    headers = {name: value.get_secret_value() for name, value in source.headers.items()}
    timeout = httpx.Timeout(source.timeout, connect=min(CONNECT_SECONDS, source.timeout))
    try:
        with httpx.stream("GET", source.url, headers=headers, timeout=timeout, follow_redirects=True) as answer:
            _check_status(answer, shown)
            return _saved(answer, path, source.max_bytes, shown)
    except httpx.TimeoutException as error:
        raise SourceUnavailableError(
            f"{shown} did not answer within {source.timeout:g} seconds.", hint="Try later, or raise source.timeout."
        ) from error
    except httpx.TooManyRedirects as error:
        raise SourceError(f"{shown} redirects in a circle.", hint="Check the address.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceUnavailableError(
            f"{shown} cannot be fetched: {first_line(error)}.",
            hint="Check the address and the network, then run again.",
        ) from error


def _check_status(answer: httpx.Response, shown: str) -> None:
    status = answer.status_code
    if status < 400:
        return
    what = f"{shown} answered {status} {answer.reason_phrase}".rstrip() + "."
    if status in {408, 425, 429} or status >= 500:
        raise SourceUnavailableError(what, hint="Try later.", details=_retry_after(answer))
    raise SourceError(what, hint=_HINTS.get(status, "Check the address and the headers."))


def _retry_after(answer: httpx.Response) -> dict[str, Any]:
    value = answer.headers.get("retry-after", "")
    return {"retry_after": int(value)} if value.isdigit() else {}


def _saved(answer: httpx.Response, path: Path, max_bytes: int, shown: str) -> FetchedFile:
    promised = answer.headers.get("content-length", "")
    if promised.isdigit() and int(promised) > max_bytes:
        raise _too_large(shown, int(promised), max_bytes)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as sink:
        for block in answer.iter_bytes(1 << 20):
            size += len(block)
            if size > max_bytes:
                raise _too_large(shown, size, max_bytes)
            digest.update(block)
            sink.write(block)
    return FetchedFile(path, size, digest.hexdigest(), answer.headers.get("content-type", ""))


def _too_large(shown: str, size: int, limit: int) -> SourceError:
    return SourceError(
        f"{shown} has at least {size:,} bytes, more than the {limit:,} that are allowed.",
        hint="Raise source.max_bytes if that is right.",
    )
