"""Compares the columns of a table with those of the previous dataset version: added, removed, changed in type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from millrace.errors import DataError, did_you_mean

_WIDENED = {("int64", "double"), ("double", "int64")}
"""Whole numbers become floats as soon as one is missing: that is no change of meaning."""


@dataclass(frozen=True)
class SchemaDrift:
    """What has changed since the previous version; `missing` are removed columns that the pipeline needs."""

    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def schema_drift(previous: Mapping[str, str], present: Mapping[str, str], needed: Iterable[str] = ()) -> SchemaDrift:
    """The drift from the columns of the previous version (name to Arrow type) to the present ones."""
    removed = [name for name in previous if name not in present]
    added = [name for name in present if name not in previous]
    wanted = set(needed)
    warnings = [f"The column '{name}' is gone since the previous dataset." for name in removed if name not in wanted]
    warnings += [f"The column '{name}' ({present[name]}) is new since the previous dataset." for name in added]
    warnings += [
        f"The column '{name}' was {previous[name]} in the previous dataset and is {kind} now."
        for name, kind in present.items()
        if name in previous and previous[name] != kind and (previous[name], kind) not in _WIDENED
    ]
    return SchemaDrift(warnings, [name for name in removed if name in wanted])


def refuse_missing(drift: SchemaDrift, present: Mapping[str, str]) -> None:
    """Raise DataError for a removed column that the pipeline needs."""
    if drift.missing:
        raise DataError(
            f"The previous dataset had the column '{drift.missing[0]}', which the pipeline needs; this one has not.",
            hint=did_you_mean(drift.missing[0], present),
            details={"missing": drift.missing},
        )
