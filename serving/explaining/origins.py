"""Which input fields each column of a model's matrix comes from: through the feature steps and the encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millrace.compiled.names import name_of


@dataclass(frozen=True)
class Origin:
    """A column of the matrix: its name, and the input fields that it depends on; none where that is not known."""

    feature: str
    fields: tuple[str, ...]


def origins_of(steps: Sequence[Any], fields: Sequence[str], columns: int) -> list[Origin]:
    """The origins of the matrix that a Pipeline's first steps make of input fields; it has so many columns."""
    found: list[Origin] | None = [Origin(name, (name,)) for name in fields]
    for step in steps:
        found = None if found is None else _TRACED.get(name_of(step), _column_by_column)(step, found)
    if found is None or len(found) != columns:
        return [Origin(f"column {place}", ()) for place in range(columns)]
    return found


def _features(step: Any, before: list[Origin]) -> list[Origin]:
    sources = {origin.feature: origin.fields for origin in before}
    for entry in step.entries:
        read = dict.fromkeys(field for name in entry.inputs for field in sources.get(name, (name,)))
        sources.update(dict.fromkeys(entry.outputs, tuple(read)))
    return [Origin(name, sources.get(name, (name,))) for name in step.outputs_]


def _encoded(step: Any, before: list[Origin]) -> list[Origin] | None:
    sources = {origin.feature: origin for origin in before}
    found: list[Origin] = []
    for name, part, columns in step.transformers_:
        if name == "remainder" and part == "drop":
            continue
        taken = [sources[column] if isinstance(column, str) else before[column] for column in columns]
        made = _TRACED.get(name_of(part), _column_by_column)(part, taken)
        if made is None:
            return None
        found += made
    return found


def _categories(step: Any, before: list[Origin]) -> list[Origin]:
    infrequent = getattr(step, "infrequent_categories_", [None] * len(before))
    found: list[Origin] = []
    for origin, categories, rare in zip(before, step.categories_, infrequent, strict=True):
        seldom = set() if rare is None else set(rare.tolist())
        names = [str(category) for category in categories.tolist() if category not in seldom]
        names += [] if rare is None else ["others"]
        found += [Origin(f"{origin.feature}={name}", origin.fields) for name in names]
    return found


def _chain(step: Any, before: list[Origin]) -> list[Origin] | None:
    found: list[Origin] | None = before
    for _, part in step.steps:
        found = None if found is None else _TRACED.get(name_of(part), _column_by_column)(part, found)
    return found


def _column_by_column(step: Any, before: list[Origin]) -> list[Origin] | None:
    """Imputing and scaling keep the columns as they are; of what gives other columns nothing is known."""
    if isinstance(step, str):  # passthrough
        return before
    names = getattr(step, "get_feature_names_out", None)
    return before if names is None or len(names()) == len(before) else None


_TRACED: dict[str, Any] = {
    "millrace.RowFeatures": _features,
    "sklearn.ColumnTransformer": _encoded,
    "sklearn.OneHotEncoder": _categories,
    "sklearn.Pipeline": _chain,
}
"""The steps that give other columns than they take."""
