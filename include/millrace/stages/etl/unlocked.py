"""Gives a source or sink the stored credentials that it refers to, at the moment when it is opened."""

from __future__ import annotations

from typing import TypeVar

from millrace.errors import StorageError
from millrace.spec.references import filled, names_in
from millrace.stores.base import CredentialStore
from millrace.strict import StrictModel

Part = TypeVar("Part", bound=StrictModel)


def unlocked(part: Part, credentials: CredentialStore | None) -> Part:
    """The part with its credentials filled in; itself where it refers to none. Raises NotFoundError, StorageError.

    The result is for opening only: it must not be kept, logged or handed to another task.
    """
    names = names_in(part)
    if not names:
        return part
    if credentials is None:
        raise StorageError(f"The credentials {', '.join(sorted(names))} are needed, and no store of them is at hand.")
    return filled(part, credentials.values(names))
