"""Says of a spec's text what `millrace lint` says of a file, and whether the pipeline may be made here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millrace.authoring.cautions import cautions
from millrace.errors import SpecError
from millrace.settings import Settings
from millrace.spec.catalogue import Catalogue, LoadedSpec, load_made
from millrace.spec.installed import add_made, installed_specs
from millrace.spec.reach import Reach

FILE = Path("spec")
"""What stands for a file's name in the sentences."""
MOST_CHARACTERS = 100_000
_LINE = re.compile(rf"{FILE}:(?P<line>\d+): (?P<message>.*)", re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """What was found in a text: the spec where it can be used, else what is wrong with it, each with its line."""

    loaded: LoadedSpec | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_text(text: str, settings: Settings) -> Checked:
    """Check a text. Nothing is raised for what stands in it."""
    try:
        loaded = usable(text, settings)
    except SpecError as error:
        return Checked(errors=_found(error))
    return Checked(loaded, warnings=cautions(loaded.spec, settings))


def usable(text: str, settings: Settings) -> LoadedSpec:
    """The spec of a text that can be made a pipeline. Raises SpecError."""
    if len(text) > MOST_CHARACTERS:
        raise SpecError(f"{FILE}:1: a spec has at most {MOST_CHARACTERS:,} characters; this one has {len(text):,}.")
    if any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in text):
        raise SpecError(f"{FILE}:1: this is no text in UTF-8.", hint="Save it as UTF-8.")
    loaded = load_made(text, FILE, Reach.of(settings))
    _refuse_taken(loaded, settings)
    return loaded


def _refuse_taken(loaded: LoadedSpec, settings: Settings) -> None:
    """Raise SpecError for a name that a file has, and for a pipeline that would wait for itself."""
    name = loaded.spec.name
    others = installed_specs(settings)
    catalogue = Catalogue({key: other for key, other in others.specs.items() if key != name or not other.made})
    add_made(catalogue, [loaded], settings.millrace_pipelines_dir)
    if catalogue.problems:
        raise catalogue.problems[0]


def _found(error: SpecError) -> list[dict[str, Any]]:
    problems = error.details.get("problems")
    if problems:
        return [{"line": problem["line"], "message": problem["message"]} for problem in problems]
    found = _LINE.fullmatch(str(error))
    return [{"line": int(found["line"]), "message": found["message"]} if found else {"line": 1, "message": str(error)}]
