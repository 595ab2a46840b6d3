"""Reads README.md and the pages of docs/ for the tests that hold them against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
DECISIONS = sorted((PROJECT / "docs" / "decisions").glob("*.md"))

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    """All fenced blocks of all pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            yield Block(page.name, text.count("\n", 0, match.start()) + 1, match["language"], match["body"])


def prose(page: Path) -> str:
    """A page without its fenced blocks, line by line where it was."""
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))


def inline_code(page: Path) -> list[str]:
    """What stands between backticks; in a table, an escaped bar is a bar."""
    return [code.replace("\\|", "|") for code in _INLINE.findall(prose(page))]


def links(page: Path) -> list[str]:
    """The targets of a page's links and images, other sites' aside."""
    return [target for target in _LINK.findall(prose(page)) if "://" not in target]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    return {_slug(heading) for heading in _HEADING.findall(prose(page))}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table_rows(page: str, column: str) -> Iterator[list[str]]:
    """The cells of each row of the tables of a page whose first column is called so."""
    inside = False
    for line in prose(PROJECT / "docs" / page).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if inside and not set(cells[0]) <= set("-: "):
            yield cells
        inside = inside or cells[0] == column


def names_in(cell: str) -> list[str]:
    """What a cell of a table has between backticks."""
    return _INLINE.findall(cell)
