"""The http source against a real server: what is tried again, what is refused, and what is never shown."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from millrace.errors import SourceError, SourceUnavailableError
from millrace.sources.fetching import FAILURES_UNTIL_OPEN, breaker
from millrace.sources.http import HttpSource

TEXT = b"a,b\n1,x\n2,y\n"


class Site:
    """A server whose answers a test sets: path to a list of (status, headers, body), the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.slow = 0.0
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                answers = site.answers.get(self.path.partition("?")[0], [(404, {}, b"no")])
                status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
                time.sleep(site.slow)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put(self, path: str, *answers: tuple[int, dict[str, str], bytes]) -> str:
        self.answers[path] = list(answers)
        return self.url + path


@pytest.fixture
def site() -> Iterator[Site]:
    """A server of the test's own."""
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


Refuse = Callable[..., str]


@pytest.fixture
def refuse(read) -> Refuse:
    """Read a source that must be refused, and return the whole message."""

    def refused(kind: type[SourceError] = SourceError, **spec: object) -> str:
        with pytest.raises(kind) as caught:
            read(HttpSource.model_validate(spec))
        assert caught.value.hint
        return str(caught.value)

    return refused


def test_a_file_is_fetched_and_remembered_by_its_sum(site, read):
    url = site.put("/t.csv", (200, {}, TEXT))
    table, reading = read(HttpSource(url=f"{url}?token=geheim", headers={"X-Key": "k"}))
    assert table.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert reading.origin["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert "geheim" not in str(reading.origin)
    assert site.asked[0][1]["x-key"] == "k"


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/data", {"Content-Type": "text/csv; charset=utf-8"}, TEXT),
        ("/t.csv.gz", {}, gzip.compress(TEXT, mtime=0)),
        ("/t.csv", {"Content-Encoding": "gzip"}, gzip.compress(TEXT, mtime=0)),
        ("/t.jsonl", {}, b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'),
    ],
)
def test_the_format_is_found(site, read, path, headers, body):
    table, _ = read(HttpSource(url=site.put(path, (200, headers, body))))
    assert table.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_redirects_are_followed(site, read):
    site.put("/t.csv", (200, {}, TEXT))
    url = site.put("/old.csv", (302, {"Location": "/t.csv"}, b""))
    assert len(read(HttpSource(url=url))[0]) == 2


def test_what_may_pass_is_tried_again(site, read):
    url = site.put("/t.csv", (503, {}, b""), (429, {"Retry-After": "0"}, b""), (200, {}, TEXT))
    assert len(read(HttpSource(url=url))[0]) == 2
    assert len(site.asked) == 3


def test_a_lasting_failure_says_that_it_may_pass(site, refuse):
    message = refuse(SourceUnavailableError, url=site.put("/t.csv", (500, {}, b"")), attempts=2)
    assert "answered 500" in message
    assert len(site.asked) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_a_person_must_mend_is_not_tried_again(site, refuse, status):
    assert f"answered {status}" in refuse(url=site.put("/t.csv", (status, {}, b"")))
    assert len(site.asked) == 1


def test_a_server_that_is_slow(site, refuse):
    site.slow = 0.5
    url = site.put("/t.csv", (200, {}, TEXT))
    assert "within 0.1 seconds" in refuse(SourceUnavailableError, url=url, timeout=0.1, attempts=1)


def test_a_server_that_is_not_there(site, refuse):
    message = refuse(SourceUnavailableError, url="http://user:geheim@127.0.0.1:9/t.csv", attempts=1)
    assert "cannot be fetched" in message
    assert "geheim" not in message


def test_an_answer_that_breaks_off(site, refuse):
    url = site.put("/t.csv", (200, {"Content-Length": "999"}, TEXT))
    assert "cannot be fetched" in refuse(SourceUnavailableError, url=url, attempts=1, timeout=5)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_an_answer_that_is_too_large(site, refuse, headers):
    body = gzip.compress(b"a,b\n" * 9999) if headers else TEXT * 100
    assert "more than the 500 that are allowed" in refuse(url=site.put("/t.csv", (200, headers, body)), max_bytes=500)


def test_a_file_that_unpacks_to_too_much(site, refuse):
    url = site.put("/t.csv.gz", (200, {}, gzip.compress(b"1,2\n" * 99_999)))
    assert "unpacks to more than 5,000 bytes" in refuse(url=url, max_bytes=5000)


def test_another_sum(site, refuse, read):
    url = site.put("/t.csv", (200, {}, TEXT))
    assert "the spec expects " + "0" * 64 in refuse(url=url, sha256="0" * 64)
    assert len(read(HttpSource(url=url, sha256=hashlib.sha256(TEXT).hexdigest().upper()))[0]) == 2


def test_a_web_page_in_place_of_the_file(site, refuse):
    url = site.put("/t.csv", (200, {"Content-Type": "text/html"}, b"<html><title>Log in</title></html>"))
    assert "web page titled 'Log in'" in refuse(url=url)


def test_a_host_that_keeps_failing_is_left_alone(site, refuse):
    url = site.put("/t.csv", (500, {}, b""))
    for _ in range(FAILURES_UNTIL_OPEN - 1):
        refuse(SourceUnavailableError, url=url, attempts=1)
    assert "left alone" in refuse(SourceUnavailableError, url=url, attempts=1)
    asked = len(site.asked)
    assert "left alone" in refuse(SourceUnavailableError, url=url, attempts=4)
    assert len(site.asked) == asked
    breaker(site.url.removeprefix("http://")).close()
    site.put("/t.csv", (404, {}, b""))
    for _ in range(FAILURES_UNTIL_OPEN + 1):
        assert "answered 404" in refuse(url=url, attempts=1)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x.csv", "t.csv", "http://"])
def test_only_http(url):
    with pytest.raises(ValidationError, match="no http or https address"):
        HttpSource(url=url)
