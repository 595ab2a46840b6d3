"""The specs of an installation: those in its folder of files, and this machine's copies of those made through the API.

A file wins over a made spec of the same name. Nothing here asks a database: `millrace.authoring.mirror` keeps the
copies, and a made spec is held to its reach whenever it is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from millrace.errors import MillraceError, NotFoundError, SpecError, did_you_mean
from millrace.settings import Settings
from millrace.spec.catalogue import (
    Catalogue,
    LoadedSpec,
    load_catalogue,
    load_made,
    load_spec,
    set_cycles_aside,
    spec_files,
)
from millrace.spec.models import PipelineSpec
from millrace.spec.reach import Reach
from millrace.spec.schedule import AssetSchedule

log = logging.getLogger(__name__)


def installed_specs(settings: Settings) -> Catalogue:
    """All specs of the installation by name, and what is wrong with the others."""
    catalogue = load_catalogue(settings.millrace_pipelines_dir)
    made = []
    for path in spec_files(settings.made_specs_dir):
        try:
            made.append(_load_made(path, settings))
        except SpecError as error:
            catalogue.problems.append(error)
    add_made(catalogue, made, settings.millrace_pipelines_dir)
    return catalogue


def add_made(catalogue: Catalogue, made: Iterable[LoadedSpec], folder: Path) -> None:
    """Add made specs to those of a folder's files, which they can neither hide nor hold up."""
    files, added = {path.stem: path for path in spec_files(folder)}, set()
    for loaded in made:
        name = loaded.spec.name
        try:
            if name in files and name not in catalogue.specs:  # a file that cannot be read keeps its name
                raise SpecError(f"{loaded.path}:1: the name '{name}' is taken by {files[name]}.", hint="Rename one.")
            catalogue.add(loaded)
            added.add(name)
        except SpecError as error:
            catalogue.problems.append(error)
    set_cycles_aside(catalogue, added)


def find_spec(settings: Settings, name: str) -> LoadedSpec:
    """The spec of this name. Raises NotFoundError, or the SpecError of the file that should hold it."""
    alone = _alone(settings, name)
    if alone is not None and not isinstance(alone.spec.schedule, AssetSchedule):
        return alone
    catalogue = installed_specs(settings)
    if name in catalogue.specs:
        return catalogue.specs[name]
    for problem in catalogue.problems:
        if re.match(rf"(.*/)?{re.escape(name)}\.ya?ml\b", problem.message):
            raise problem
    folder = settings.millrace_pipelines_dir
    raise NotFoundError(f"There is no pipeline '{name}' in {folder}.", hint=did_you_mean(name, catalogue.specs))


def specs_by_dag(
    settings: Settings,
    dag_id: str | None,
    prefix: str = "",
    has_dag: Callable[[PipelineSpec], bool] = lambda _: True,
) -> dict[str, LoadedSpec]:
    """The specs of a kind of DAG by the DAG's id, which is the spec's name behind a prefix.

    Where a scheduler asks for one DAG alone, only that one's spec is read. Nothing is raised for a broken spec.
    """
    if dag_id is None:
        specs = installed_specs(settings).specs
        return {f"{prefix}{name}": loaded for name, loaded in specs.items() if has_dag(loaded.spec)}
    name = dag_id.removeprefix(prefix)
    if not dag_id.startswith(prefix) or "." in name:  # a DAG of another kind: no pipeline has a dot in its name
        return {}
    try:
        return {dag_id: find_spec(settings, name)}
    except MillraceError as error:
        log.error("%s", error)
        return {}


def _alone(settings: Settings, name: str) -> LoadedSpec | None:
    """The spec of this name without a look at all others, where that is sure to find the right one.

    A task reads one spec. Only assets can make a cycle with other specs, which the caller looks at.
    """
    files = spec_files(settings.millrace_pipelines_dir)
    own, copy = settings.millrace_pipelines_dir / f"{name}.yaml", settings.made_specs_dir / f"{name}.yaml"
    if own in files:
        loaded = load_spec(own)
    elif copy.is_file() and not any(name in path.name or _mentions(path, name) for path in files):
        loaded = _load_made(copy, settings)
    else:
        return None
    return loaded if loaded.spec.name == name else None


def _load_made(path: Path, settings: Settings) -> LoadedSpec:
    loaded = load_made(_text(path), path, Reach.of(settings))
    if loaded.spec.name != path.stem:
        raise SpecError(f"{path}:1: this holds the pipeline '{loaded.spec.name}'.", hint="Save it under its own name.")
    return loaded


def _mentions(path: Path, name: str) -> bool:
    """Whether the file may hold the spec of this name; reading it as YAML would take far longer."""
    try:
        return name.encode() in path.read_bytes()
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}.", hint="The service copies it again.") from error
