"""A table in a local file, or in several that a pattern names."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from millrace.errors import SourceError
from millrace.sources.base import Reading, Source
from millrace.sources.options import FormatName, ReadOptions, check_options, format_of
from millrace.sources.remote import REMOTE_SOURCES
from millrace.strict import union_of

if TYPE_CHECKING:
    import pandas as pd

    Fallback: TypeAlias = Source
else:
    Fallback = union_of(REMOTE_SOURCES, "type")

_NEAR = 3


class FileSource(Source):
    """A local file; a relative path starts at the working directory."""

    type: Literal["file"] = "file"
    path: str = Field(min_length=1, description="Path of a file, or a pattern such as data/2024-*.csv.")
    format: FormatName | None = Field(default=None, description="Default: by the file's extension.")
    options: ReadOptions = Field(
        default_factory=ReadOptions, alias="read", description="How the table is written in the file."
    )
    fallback: Fallback | None = Field(default=None, description="The source to read when the file is not there.")

    @model_validator(mode="after")
    def _options_fit(self) -> FileSource:
        check_options(self.format or format_of(self.path), self.options)
        return self

    def chosen(self, reading: Reading) -> Source:
        """This file, or the fallback when it is not there."""
        if self.fallback is None or self._paths():
            return self
        kind = self.fallback.type
        reading.note(f"{self.path} is not there: the fallback was read instead, a source of type {kind}.")
        return self.fallback.chosen(reading)

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Yield the rows of the file, or of the files in the order of their names."""
        from millrace.sources.formats.opening import TableFile, chosen_format
        from millrace.sources.formats.reading_files import read_files

        paths = self._paths()
        if not paths:
            raise _missing(self.path)
        for path in paths:
            _check_file(path)
        form = chosen_format(self.format, paths[0].name, str(paths[0]))
        reading.origin.update(_origin(paths))
        yield from read_files([TableFile(path, str(path), form, self.options) for path in paths], reading)

    def _paths(self) -> list[Path]:
        path = Path(self.path).expanduser()
        if path.exists() or not glob.has_magic(self.path):
            return [path] if path.exists() else []
        return [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - may be absolute


def _origin(paths: list[Path]) -> dict[str, Any]:
    newest = max(path.stat().st_mtime for path in paths)
    return {
        "type": "file",
        "path": str(paths[0]) if len(paths) == 1 else [str(path) for path in paths],
        "bytes": sum(path.stat().st_size for path in paths),
        "modified": datetime.fromtimestamp(newest, UTC).isoformat(),
    }


def _check_file(path: Path) -> None:
    if path.is_dir():
        names = sorted(child.name for child in path.iterdir() if child.is_file())
        listing = f"It holds {', '.join(names[:5])}{', …' if len(names) > 5 else ''}." if names else "It is empty."
        raise SourceError(
            f"{path} is a folder, not a file.", hint=f"Name a file, or a pattern such as *.csv. {listing}"
        )
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise SourceError(
            f"{path} cannot be opened: {error.strerror}.",
            hint="Give the user who runs the pipeline the right to read it.",
        ) from error


def _missing(written: str) -> SourceError:
    path = Path(written).expanduser()
    folder = path.parent
    if not folder.is_dir():
        nearest = next((parent for parent in folder.parents if parent.is_dir()), Path("/"))
        where = f"Its folder {folder} is not there either; {nearest} is."
    else:
        where = _near(path, folder)
    relative = "" if path.is_absolute() else f" Relative paths start at {Path.cwd()}."
    return SourceError(f"The file {written} is not there.", hint=where + relative)


def _near(path: Path, folder: Path) -> str:
    names = sorted(child.name for child in folder.iterdir())
    folded = {name.lower(): name for name in names}
    near = [folded[name] for name in difflib.get_close_matches(path.name.lower(), folded, n=_NEAR, cutoff=0.5)]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return (
        f"{folder} holds {', '.join(names[:5])}{', …' if len(names) > 5 else ''}." if names else f"{folder} is empty."
    )
