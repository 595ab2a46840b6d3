"""Loads specs: one file, or all of a folder, where a broken spec never hides the others."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from millrace.errors import MillraceError, NotFoundError, SpecError, did_you_mean
from millrace.spec.document import SpecDocument, read_document
from millrace.spec.models import AssetSchedule, PipelineSpec
from millrace.spec.problems import spec_error
from millrace.spec.references import check_references

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedSpec:
    """A spec, its version, the data as written (with `${}` unfilled, so no secret stands in it), and its file."""

    spec: PipelineSpec
    version: str
    document: dict[str, Any]
    path: Path


@dataclass
class Catalogue:
    """The good specs of a folder by name, and what is wrong with the others."""

    specs: dict[str, LoadedSpec] = field(default_factory=dict)
    problems: list[SpecError] = field(default_factory=list)


def load_spec(path: Path, environment: Mapping[str, str] | None = None) -> LoadedSpec:
    """Load one spec. Raises SpecError that names file, line, value and what is allowed."""
    return _loaded(read_document(path), path, environment)


def spec_from_document(document: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> LoadedSpec:
    """The spec that a run record keeps, as it was when the run began."""
    name = "<run record>"
    return _loaded(SpecDocument(dict(document), {(): 1}, name), Path(name), environment)


def load_catalogue(folder: Path, environment: Mapping[str, str] | None = None) -> Catalogue:
    """Load every `*.yaml` and `*.yml` of a folder; two specs of one name and cycles of assets are problems too."""
    catalogue = Catalogue()
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            loaded = load_spec(path, environment)
        except SpecError as error:
            catalogue.problems.append(error)
            continue
        first = catalogue.specs.setdefault(loaded.spec.name, loaded)
        if first is not loaded:
            catalogue.problems.append(
                SpecError(f"{path}:1: the name '{loaded.spec.name}' is taken by {first.path}.", hint="Rename one.")
            )
    _set_cycles_aside(catalogue)
    return catalogue


def find_spec(folder: Path, name: str) -> LoadedSpec:
    """The spec of this name in a folder. Raises NotFoundError, or the SpecError of the file that should hold it."""
    own = folder / f"{name}.yaml"
    if own.is_file():  # a task reads one spec, not all of them; only assets can make a cycle with other specs
        loaded = load_spec(own)
        if loaded.spec.name == name and not isinstance(loaded.spec.schedule, AssetSchedule):
            return loaded
    catalogue = load_catalogue(folder)
    if name in catalogue.specs:
        return catalogue.specs[name]
    for problem in catalogue.problems:
        if f"{name}.y" in problem.message:
            raise problem
    raise NotFoundError(f"There is no pipeline '{name}' in {folder}.", hint=did_you_mean(name, catalogue.specs))


def specs_by_dag(
    folder: Path,
    dag_id: str | None,
    prefix: str = "",
    has_dag: Callable[[PipelineSpec], bool] = lambda _: True,
) -> dict[str, LoadedSpec]:
    """The specs of a kind of DAG by the DAG's id, which is the spec's name behind a prefix.

    Where a scheduler asks for one DAG alone, only that one's spec is read. Nothing is raised for a broken spec.
    """
    if dag_id is None:
        specs = load_catalogue(folder).specs
        return {f"{prefix}{name}": loaded for name, loaded in specs.items() if has_dag(loaded.spec)}
    name = dag_id.removeprefix(prefix)
    if not dag_id.startswith(prefix) or "." in name:  # a DAG of another kind: no pipeline has a dot in its name
        return {}
    try:
        return {dag_id: find_spec(folder, name)}
    except MillraceError as error:
        log.error("%s", error)
        return {}


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
    return LoadedSpec(spec, spec_version(document.data), document.data, path)


def _set_cycles_aside(catalogue: Catalogue) -> None:
    """A pipeline that waits for itself, directly or through others, would never run: each is a problem."""
    waits = {name: _waits_for(loaded.spec) for name, loaded in catalogue.specs.items()}
    for name in sorted(waits):
        cycle = _path_back(name, waits)
        if cycle:
            path = catalogue.specs[name].path
            line = read_document(path).line_of(("schedule", "assets"))
            chain = " -> ".join([*cycle, name])
            catalogue.problems.append(
                SpecError(f"{path}:{line}: schedule.assets makes a cycle: {chain}.", hint="Remove one of the assets.")
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
