"""The base of everything that a person writes in a spec, and the way registries become unions.

An entry of a registry (a source, a step, an estimator) is a pydantic model whose discriminator field is a `Literal`
with its name. The spec's type is the union of the registry's entries, so that a new entry needs no change elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar, Union, get_args

from pydantic import BaseModel, ConfigDict, Field

EntryT = TypeVar("EntryT", bound=BaseModel)


class StrictModel(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def entry_name(entry: type[BaseModel], discriminator: str) -> str:
    """The name under which a registry entry stands: the single value of its discriminator's `Literal`."""
    (name,) = get_args(entry.model_fields[discriminator].annotation)
    return str(name)


def by_name(entries: tuple[type[EntryT], ...], discriminator: str) -> dict[str, type[EntryT]]:
    """The entries of a registry by name; two entries of one name are a programming error."""
    named = {entry_name(entry, discriminator): entry for entry in entries}
    if len(named) != len(entries):
        raise ValueError(f"two entries share a {discriminator} name: {[entry.__name__ for entry in entries]}")
    return named


def union_of(entries: tuple[type[Any], ...], discriminator: str) -> Any:
    """The type of 'one of these entries', told apart by `discriminator`; for use in a pydantic annotation."""
    return Annotated[Union[entries], Field(discriminator=discriminator)]  # noqa: UP007 - made at run time
