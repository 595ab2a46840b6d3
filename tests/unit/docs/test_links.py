"""Links between the pages lead somewhere."""

from __future__ import annotations

import pytest
from doc_pages import DECISIONS, PAGES, PROJECT, anchors, inline_code, links


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.name)
def test_links_lead_to_a_page_and_a_heading(page):
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors(there), f"{page.name} links to {target}, and {there.name} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page):
    roots = ("docs/", "include/", "serving/", "dags/", "plugins/", "tests/", "deploy/", "scripts/", "config/")
    for code in inline_code(page):
        path = code.split()[-1]
        if path.startswith(roots) and not set(path) & set("<>*{…"):
            assert (PROJECT / path).exists(), f"{page.name} names {path}, which is not there"


def test_every_page_is_linked_from_the_readme():
    linked = {target.partition("#")[0] for target in links(PROJECT / "README.md")}
    assert linked >= {f"docs/{page.name}" for page in PAGES[1:]}
