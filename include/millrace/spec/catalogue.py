"""Loads specs: one file, one text, or all of a folder, where a broken spec never hides the others.

Which folders an installation has, and which of its specs are held to a reach, is `millrace.spec.installed`'s matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from millrace.errors import SpecError
from millrace.spec.confined import check_reach, open_environment
from millrace.spec.document import SpecDocument, parse_document, read_document
from millrace.spec.models import PipelineSpec
from millrace.spec.problems import spec_error
from millrace.spec.reach import Reach
from millrace.spec.references import check_references
from millrace.spec.schedule import AssetSchedule


@dataclass(frozen=True)
class LoadedSpec:
    """A spec, its version, the data as written (with `${}` unfilled, so no secret stands in it), and its file.

    `made`: through the API, so that the file is this machine's copy of what MongoDB keeps.
    """

    spec: PipelineSpec
    version: str
    document: dict[str, Any]
    path: Path
    made: bool = False
    assets_line: int = 1

    @property
    def named_version(self) -> str:
        """How a DAG's documentation names the version that it was made from."""
        return f"version `{self.version}`"


@dataclass
class Catalogue:
    """The good specs of a folder by name, and what is wrong with the others."""

    specs: dict[str, LoadedSpec] = field(default_factory=dict)
    problems: list[SpecError] = field(default_factory=list)

    def add(self, loaded: LoadedSpec) -> None:
        """Take a spec in. Raises SpecError where its name is taken."""
        first = self.specs.setdefault(loaded.spec.name, loaded)
        if first is not loaded:
            raise SpecError(
                f"{loaded.path}:1: the name '{loaded.spec.name}' is taken by {first.path}.", hint="Rename one."
            )


def load_spec(path: Path, environment: Mapping[str, str] | None = None) -> LoadedSpec:
    """Load one spec. Raises SpecError that names file, line, value and what is allowed."""
    return _loaded(read_document(path), path, environment)


def load_made(text: str, path: Path, reach: Reach) -> LoadedSpec:
    """Load the text of a spec that was made through the API. Raises SpecError, also where it reaches too far."""
    document = parse_document(text, str(path))
    loaded = _loaded(document, path, open_environment(document, reach))
    check_reach(loaded.spec, document, reach)
    return replace(loaded, made=True)


def spec_from_document(document: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> LoadedSpec:
    """The spec that a run record keeps, as it was when the run began."""
    name = "<run record>"
    return _loaded(SpecDocument(dict(document), {(): 1}, name), Path(name), environment)


def load_catalogue(folder: Path, environment: Mapping[str, str] | None = None) -> Catalogue:
    """Load every `*.yaml` and `*.yml` of a folder; two specs of one name and cycles of assets are problems too."""
    catalogue = Catalogue()
    for path in spec_files(folder):
        try:
            catalogue.add(load_spec(path, environment))
        except SpecError as error:
            catalogue.problems.append(error)
    set_cycles_aside(catalogue, set(catalogue.specs))
    return catalogue


def spec_files(folder: Path) -> list[Path]:
    """The files of a folder that hold specs, by name."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def spec_version(document: Mapping[str, Any]) -> str:
    """The hash of a spec's meaning, 16 hexadecimal digits: comments, layout and the order of keys do not change it."""
    text = json.dumps(document, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _loaded(document: SpecDocument, path: Path, environment: Mapping[str, str] | None) -> LoadedSpec:
    check_references(document)
    filled = document.substituted(environment)
    try:
        spec = PipelineSpec.model_validate(filled)
    except ValidationError as error:
        raise spec_error(error, document, PipelineSpec) from error
    line = document.line_of(("schedule", "assets"))
    return LoadedSpec(spec, spec_version(document.data), document.data, path, assets_line=line)


def set_cycles_aside(catalogue: Catalogue, names: Collection[str]) -> None:
    """A pipeline that waits for itself, directly or through others, would never run: each of `names` is a problem."""
    waits = {name: _waits_for(loaded.spec) for name, loaded in catalogue.specs.items()}
    for name in sorted(names):
        cycle = _path_back(name, waits)
        if cycle:
            at = f"{catalogue.specs[name].path}:{catalogue.specs[name].assets_line}"
            chain = " -> ".join([*cycle, name])
            catalogue.problems.append(
                SpecError(f"{at}: schedule.assets makes a cycle: {chain}.", hint="Remove one of the assets.")
            )
            del catalogue.specs[name]


def _waits_for(spec: PipelineSpec) -> list[str]:
    if not isinstance(spec.schedule, AssetSchedule):
        return []
    return [asset.partition("/")[2] for asset in spec.schedule.assets]


def _path_back(start: str, waits: Mapping[str, list[str]]) -> list[str]:
    """The shortest chain of pipelines from `start` that waits for `start` again; empty without one."""
    paths, seen = [[start]], set()
    while paths:
        path = paths.pop(0)
        for upstream in waits.get(path[-1], []):
            if upstream == start:
                return path
            if upstream not in seen:
                seen.add(upstream)
                paths.append([*path, upstream])
    return []
