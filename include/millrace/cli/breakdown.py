"""Writes what a run knows of each class or cluster for people at a terminal."""

from __future__ import annotations

from typing import Any

from millrace.cli.output import as_columns


def breakdown_lines(breakdown: dict[str, Any] | None) -> list[str]:
    """A table of the classes, or a sentence for each cluster; nothing where there is neither."""
    if breakdown is None:
        return []
    return _classes(breakdown) if breakdown["kind"] == "classes" else [one["sentence"] for one in breakdown["clusters"]]


def _classes(breakdown: dict[str, Any]) -> list[str]:
    measures = ("precision", "recall", "f1")
    rows = [
        [one["class"], *(None if one[name] is None else f"{one[name]:.3f}" for name in measures), str(one["support"])]
        for one in breakdown["classes"]
    ]
    return [as_columns(["class", *measures, "rows"], rows)]
