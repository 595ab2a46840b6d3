"""Drafts a pipeline spec from a table: a short YAML text with the reasons in its comments, which runs as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from millrace.profiling.findings import look_at, notes_on
from millrace.profiling.sections import spec_text


@dataclass(frozen=True)
class Draft:
    """The spec's text, its name, and what a person should know before running it."""

    name: str
    text: str
    notes: list[str]


def draft_spec(
    path: Path,
    targets: list[str],
    task: str | None = None,
    name: str | None = None,
    sheet: str | None = None,
    *,
    upload: str | None = None,
) -> Draft:
    """Look at the table and draft its spec. Raises SourceError, DataError or SpecError with one clear question.

    `upload`: the name under which the table lies among the uploads, from where the spec is to read it.
    """
    found = look_at(path, targets, task, sheet)
    name = name or pipeline_name(path)
    return Draft(name, spec_text(found, name, upload), notes_on(found))


def pipeline_name(path: Path) -> str:
    """A pipeline's name made from a file's."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", path.name.partition(".")[0])
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:63].rstrip("-") or "pipeline"
