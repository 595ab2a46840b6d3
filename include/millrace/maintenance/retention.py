"""Decides what may go: whatever no version, no kept run and no rule holds, and nothing that these refer to.

Pure: it knows of items, of the names that they mention, and of time; never of a store.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

GRACE = timedelta(days=1)
"""Datasets stay this long in any case: a run that is under way may have written one and not yet said so."""
_NAME = re.compile(r"[\w.\-]+")


@dataclass(frozen=True)
class Rules:
    """What stays without being referred to; at least one is given, and what both allow goes."""

    keep: int | None = None
    """The newest of each pipeline that stay."""
    older_than: timedelta | None = None
    """How old the others must be."""


@dataclass(frozen=True)
class Item:
    """Something that may go."""

    kind: str
    """`run`, `dataset` or `check`."""
    key: str
    """Where it is: unique among its kind."""
    pipeline: str
    at: datetime
    names: frozenset[str]
    """What others call it."""
    mentions: frozenset[str] = frozenset()
    """All that stands in its documents; other items' names among it."""
    held: bool = False
    """Whether it stays, whatever the rules say."""
    size: int = 0

    @property
    def identity(self) -> tuple[str, str]:
        """Its kind and key."""
        return self.kind, self.key


def mentioned(document: Any) -> Iterator[str]:
    """Every name in a document: the words of its texts, so that a path mentions each of its folders."""
    if isinstance(document, str):
        yield from (word.rstrip(".") for word in _NAME.findall(document))
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from mentioned(key)
            yield from mentioned(value)
    elif isinstance(document, (list, tuple)):
        for value in document:
            yield from mentioned(value)


def removable(items: Iterable[Item], roots: Iterable[str], rules: Rules, now: datetime) -> list[Item]:
    """The items that may go, oldest first. `roots`: what is mentioned by that which never goes."""
    known = list(items)
    kept = _closure(known, {item.identity for item in known if item.held} | _ruled(known, rules, now), set(roots))
    return sorted((item for item in known if item.identity not in kept), key=lambda item: (item.at, item.identity))


def _ruled(items: list[Item], rules: Rules, now: datetime) -> set[tuple[str, str]]:
    """What the rules themselves keep."""
    kept = {item.identity for item in items if item.kind == "dataset" and item.at > now - GRACE}
    if rules.older_than is not None:
        kept |= {item.identity for item in items if item.at > now - rules.older_than}
    if rules.keep is not None:
        groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in items:
            if item.kind != "dataset":  # a dataset stays for those who refer to it, not for its own sake
                groups[item.kind, item.pipeline].append(item)
        newest: Callable[[Item], Any] = lambda item: (item.at, item.key)  # noqa: E731
        for group in groups.values():
            kept |= {item.identity for item in sorted(group, key=newest, reverse=True)[: rules.keep]}
    return kept


def _closure(items: list[Item], kept: set[tuple[str, str]], roots: set[str]) -> set[tuple[str, str]]:
    """What is kept, and all that it refers to, directly or through others."""
    by_name: dict[str, list[Item]] = defaultdict(list)
    by_identity = {item.identity: item for item in items}
    for item in items:
        for name in item.names:
            by_name[name].append(item)
    kept, waiting = set(kept), [name for name in roots if name in by_name]
    for identity in kept:
        waiting += by_identity[identity].mentions & by_name.keys()
    while waiting:
        for item in by_name[waiting.pop()]:
            if item.identity not in kept:
                kept.add(item.identity)
                waiting += item.mentions & by_name.keys()
    return kept
