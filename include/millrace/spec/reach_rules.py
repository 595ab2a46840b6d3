"""One rule for each kind of source and sink: what of it lies outside the reach of a spec made through the API.

A rule looks at a part whose environment variables are filled in and whose credentials are not. What it does not
understand it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from millrace.sources.base import Sink, Source
from millrace.sources.upload import FOLDER
from millrace.spec.reach import Fault, Reach

Rule = Callable[[Any, Reach], Iterator[Fault]]
CREDENTIAL = re.compile(r"\$\{credential:[^}]*\}")
OUTPUTS = "outputs/"
"""The folder of the platform's bucket that such specs may write to, and read."""
_DATABASES = frozenset({"postgresql", "postgres", "mysql", "mariadb"})
_SQL_OPTIONS = frozenset({"sslmode", "charset", "application_name", "connect_timeout"})
_SYSTEM = frozenset({"admin", "local", "config"})


def rule_of(part: Source | Sink) -> Rule:
    """The rule of a kind; a kind without one is refused."""
    return (_SOURCES if isinstance(part, Source) else _SINKS).get(part.type, _unknown)


def _fault(key: str, sentence: str) -> Fault:
    return Fault((key,), sentence)


def _unknown(part: Any, _: Reach) -> Iterator[Fault]:
    yield _fault("type", f"'{part.type}' is not open to a pipeline made through the API.")


def _nothing(_part: Any, _: Reach) -> Iterator[Fault]:
    yield from ()


def _file(part: Any, reach: Reach) -> Iterator[Fault]:
    if not reach.has_file(part.path):
        folders = ", ".join(map(str, reach.folders)) or "none (set DATA_DIR or MILLRACE_SPEC_FOLDERS)"
        yield _fault("path", f"'{part.path}' lies outside the folders that are open. Allowed: {folders}.")


def _file_sink(_part: Any, _: Reach) -> Iterator[Fault]:
    yield _fault("type", "a pipeline made through the API writes no files. Allowed: mongodb, s3, sql.")


def _http(part: Any, reach: Reach) -> Iterator[Fault]:
    import httpx

    try:
        address = httpx.URL(part.url)  # as the fetching itself understands it
    except httpx.InvalidURL:
        yield _fault("url", "this is no address.")
        return
    yield from _host("url", address.host, address.port, reach)


def _sql(part: Any, reach: Reach) -> Iterator[Fault]:
    import sqlalchemy as sa

    text = part.url.get_secret_value()
    if CREDENTIAL.fullmatch(text):
        return  # the whole address is an admin's
    try:
        address = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        yield _fault("url", "this is no address of a database. Write postgresql://user:password@host/database.")
        return
    if address.get_backend_name() not in _DATABASES:
        yield _fault("url", f"{address.get_backend_name()} is not open. Allowed: {', '.join(sorted(_DATABASES))}.")
    if options := sorted(set(address.query) - _SQL_OPTIONS):
        yield _fault("url", f"the option '{options[0]}' is not open. Allowed: {', '.join(sorted(_SQL_OPTIONS))}.")
    if not re.fullmatch(r"[\w-]*", address.database or ""):
        yield _fault("url", "the database's name may have letters, digits, '-' and '_' only.")
    if CREDENTIAL.findall(text) != CREDENTIAL.findall(str(address.password)):  # a query could read it elsewhere
        yield _fault("url", "a credential may stand for the password only, or for the whole address.")
    yield from _host("url", address.host, address.port, reach)


def _mongodb(part: Any, reach: Reach) -> Iterator[Fault]:
    name = part.database
    if name is None or name.lower() in _SYSTEM | {reach.database.lower()} or not re.fullmatch(r"[\w-]+", name):
        others = ", ".join(sorted(_SYSTEM))
        yield _fault("database", f"{name!r} is not open. Name one that is neither the platform's nor {others}.")
    if part.uri is None or CREDENTIAL.fullmatch(part.uri.get_secret_value()):
        return
    text = part.uri.get_secret_value()
    if not text.startswith("mongodb://") or "?" in text:
        yield _fault("uri", "write it as mongodb://user:password@host:port/, or make the whole of it a credential.")
        return
    for server in text.removeprefix("mongodb://").partition("/")[0].rpartition("@")[2].split(","):
        yield from _server("uri", f"mongodb://{server}", reach)


def _s3(part: Any, reach: Reach, own: tuple[str, ...] = (FOLDER, OUTPUTS)) -> Iterator[Fault]:
    bucket, _, key = part.uri.removeprefix("s3://").partition("/")
    has_keys = part.access_key is not None and part.secret_key is not None
    if "$" in part.uri or ".." in key.split("/"):
        yield _fault("uri", f"'{part.uri}' is no plain address.")
    elif bucket == reach.bucket and not key.startswith(own):
        allowed = ", ".join(f"s3://{bucket}/{folder}" for folder in own)
        yield _fault("uri", f"'{part.uri}' is not open. Allowed in the platform's bucket: {allowed}.")
    elif bucket != reach.bucket and not has_keys:
        yield _fault("uri", f"the bucket '{bucket}' needs access_key and secret_key of its own.")
    if part.endpoint is not None:
        if not has_keys:  # else the platform's own keys would sign what is sent there
            yield _fault("endpoint", "another S3 needs access_key and secret_key of its own.")
        yield from _server("endpoint", part.endpoint, reach)


def _s3_sink(part: Any, reach: Reach) -> Iterator[Fault]:
    yield from _s3(part, reach, (OUTPUTS,))


def _server(key: str, address: str, reach: Reach) -> Iterator[Fault]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if re.search(r"[\\\s]", address):  # who connects may read the host elsewhere than we do
        host = None
    yield from _host(key, host, port, reach)


def _host(key: str, host: str | None, port: int | None, reach: Reach) -> Iterator[Fault]:
    if not host or not reach.has_host(host, port):
        allowed = ", ".join(reach.hosts) or "none"
        yield _fault(key, f"the host '{host or ''}' is not open. Allowed: {allowed} (MILLRACE_SPEC_HOSTS).")


_SOURCES: dict[str, Rule] = {
    "sample": _nothing,
    "upload": _nothing,
    "file": _file,
    "http": _http,
    "sql": _sql,
    "mongodb": _mongodb,
    "s3": _s3,
}
_SINKS: dict[str, Rule] = {"file": _file_sink, "sql": _sql, "mongodb": _mongodb, "s3": _s3_sink}
