"""Finds the spec that a command names: a pipeline of the catalogue, or a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from millrace.cli.failures import CommandError

if TYPE_CHECKING:
    from millrace.settings import Settings
    from millrace.spec.catalogue import LoadedSpec


def is_file_name(given: str) -> bool:
    """Whether the argument means a file rather than a pipeline's name."""
    return given.endswith((".yaml", ".yml")) or "/" in given


def find_spec(given: str, settings: Settings) -> LoadedSpec:
    """The spec of a file or of a pipeline of the installation. Raises SpecError or NotFoundError."""
    from millrace.spec import catalogue, installed

    if is_file_name(given):
        return catalogue.load_spec(Path(given))
    return installed.find_spec(settings, given)


def deployed(given: str, settings: Settings) -> LoadedSpec:
    """The catalogue's pipeline that `given` (a name or a file) stands for, as Airflow runs only those."""
    loaded = find_spec(given, settings)
    folder = settings.millrace_pipelines_dir.resolve()
    if is_file_name(given) and Path(given).resolve().parent != folder:
        raise CommandError(
            f"{given} is not in {folder}, and Airflow runs only the pipelines in that folder.",
            hint="Copy it there, or run it here with --local.",
        )
    return loaded
