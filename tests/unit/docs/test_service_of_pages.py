"""The addresses and metrics that the documentation names are those of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from doc_pages import PAGES, blocks, inline_code, names_in, table_rows
from starlette.routing import Route

from millrace.settings import Settings
from serving.app import create_app

_REQUEST = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s`'\"?]*)")


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    return create_app(Settings(millrace_home=tmp_path_factory.mktemp("home"), millrace_port_base=30_000))


def requests() -> Iterator[tuple[str, str, str]]:
    """Each request that a page names: page, method, path without its query."""
    texts = [(page.name, code) for page in PAGES for code in inline_code(page)]
    texts += [(block.page, block.text) for block in blocks()]
    for page, text in texts:
        for method, path in _REQUEST.findall(text):
            yield page, method, path.rstrip(".,;)")


def shape(route: Route) -> tuple[set[str], re.Pattern[str]]:
    """The methods of a route, and what its paths look like."""
    pattern = re.sub(r"\{[^}:]+:path\}", "(.+)", route.path)
    return set(route.methods or {"GET"}), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", pattern))


def test_addresses_are_those_of_the_service(application):
    known = [shape(route) for route in application.routes if isinstance(route, Route)]
    named = set(requests())
    assert len(named) > 30
    unknown = [
        (page, method, path)
        for page, method, path in named
        if not any(method in methods and pattern.fullmatch(path) for methods, pattern in known)
    ]
    assert not unknown


def test_metrics_are_those_of_the_service(application):
    told = {name for cells in table_rows("serving.md", "metric") for name in names_in(cells[0])}
    page = application.state.services.metrics.page()[0].decode()
    kept = set(re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE))
    assert told == {name for name in kept if not name.endswith("_created")}
