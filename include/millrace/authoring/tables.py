"""Tables that people upload, and the spec that is drafted from one. They lie in the platform's bucket."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import IO, Any

from millrace.errors import ConflictError, MillraceError, NotFoundError, RequestError
from millrace.settings import Settings
from millrace.sources.options import EXTENSIONS, format_of
from millrace.sources.upload import FOLDER
from millrace.stores.artifacts import S3ArtifactStore

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


def check_name(name: str) -> None:
    """Raise RequestError for a name under which no table can lie."""
    if not re.fullmatch(NAME, name):
        raise RequestError(
            f"'{name:.110}' is no name for a table.", hint="Allowed: 1 to 100 letters, digits, '.', '_', '-'."
        )
    if format_of(name) is None:
        raise RequestError(
            f"The format of '{name}' is not known from its name.", hint=f"Allowed: {', '.join(EXTENSIONS)}."
        )


def keep(settings: Settings, name: str, file: IO[bytes], *, replace: bool = False) -> str:
    """Keep an uploaded table; returns its URI. Raises RequestError, ConflictError where the name is taken."""
    check_name(name)
    store = S3ArtifactStore(settings)
    if not replace and store.exists(_uri(store, name)):
        raise ConflictError(
            f"There is a table '{name}' already, which pipelines may read.",
            hint="Choose another name, or send it with ?replace=true.",
        )
    return store.put_file(FOLDER + name, file)


def drafted(
    settings: Settings, table: str, targets: list[str], task: str | None, name: str | None, sheet: str | None
) -> dict[str, Any]:
    """The draft from an uploaded table: `pipeline`, `text`, `notes`. Reads the table whole: it takes seconds."""
    from millrace.profiling.draft import draft_spec

    check_name(table)
    store = S3ArtifactStore(settings)
    with tempfile.TemporaryDirectory(prefix="millrace-draft-") as folder:
        path = Path(folder) / table
        try:
            store.fetch(_uri(store, table), path)
        except NotFoundError:
            raise NotFoundError(f"No table '{table}' was uploaded.", hint="Send it to /api/v1/tables first.") from None
        try:
            draft = draft_spec(path, targets, task, name, sheet, upload=table)
        except MillraceError as error:
            raise _without_folder(error, folder) from None
    return {"pipeline": draft.name, "text": draft.text, "notes": draft.notes}


def _uri(store: S3ArtifactStore, name: str) -> str:
    return f"s3://{store.bucket}/{FOLDER}{name}"


def _without_folder(error: MillraceError, folder: str) -> MillraceError:
    """The same error, about the table that the person knows."""
    message = error.message.replace(f"{folder}/", "")
    return type(error)(message, hint=error.hint, details=error.details)
