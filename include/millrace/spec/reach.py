"""What a spec that was made through the API may reach, as the settings MILLRACE_SPEC_* open it.

A spec in a file was put there by whoever runs the installation, and may do what that person may. One that an operator
made must not read this machine, other hosts or other pipelines' secrets. `millrace.spec.confined` holds a spec to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from millrace.settings import Settings
from millrace.spec.document import Location

_HOST = re.compile(r"[\w.:-]+")


class Fault(NamedTuple):
    """What must not be: the key, and one sentence."""

    key: Location
    sentence: str


@dataclass(frozen=True)
class Reach:
    """The hosts, folders and variables that are open, and what belongs to the platform itself."""

    hosts: tuple[str, ...]
    folders: tuple[Path, ...]
    variables: frozenset[str]
    database: str
    bucket: str

    @classmethod
    def of(cls, settings: Settings) -> Reach:
        """What the settings open."""
        named = settings.millrace_spec_folders
        folders = [Path(name) for name in _listed(named)] if named is not None else [settings.data_dir]
        return cls(
            hosts=tuple(host.lower() for host in _listed(settings.millrace_spec_hosts)),
            folders=tuple(folder.expanduser().resolve() for folder in folders if folder is not None),
            variables=frozenset(_listed(settings.millrace_spec_variables)),
            database=settings.mongodb_database,
            bucket=settings.s3_bucket,
        )

    def has_host(self, host: str, port: int | None) -> bool:
        """Whether a spec may connect there."""
        name = host.lower()
        if not _HOST.fullmatch(name):
            return False
        return any(fnmatchcase(name, open_) or fnmatchcase(f"{name}:{port}", open_) for open_ in self.hosts)

    def has_file(self, path: str) -> bool:
        """Whether a spec may read this file, or these, where it is a pattern."""
        written = Path(path)
        if not written.is_absolute() or ".." in written.parts:
            return False
        return any(written.resolve().is_relative_to(folder) for folder in self.folders)


def _listed(written: str) -> list[str]:
    return [part.strip() for part in written.split(",") if part.strip()]
