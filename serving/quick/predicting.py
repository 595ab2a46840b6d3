"""The predictions for some rows of one version: those that are remembered, and the others by one run of the model."""

from __future__ import annotations

from typing import Any, NamedTuple

from serving.runtime.loaded_model import LoadedModel, Predictions
from serving.runtime.remembered import Remembered
from serving.runtime.row_types import Row, RowTypes

Columns = dict[str, Any]


class Wanted(NamedTuple):
    """A row, and whether the probabilities of all classes are wanted for it."""

    row: Row
    probabilities: bool


def predicted(
    model: LoadedModel, rows: RowTypes, wanted: list[Wanted], cache: Remembered
) -> tuple[Columns, Predictions]:
    """The rows by columns, and their predictions in the same order. Raises what the model raises."""
    columns = rows.joined([one.row for one in wanted])
    if not cache.keeps(model):
        return columns, model.predict_columns(columns, probabilities=any(one.probabilities for one in wanted))
    keys = cache.keys(model, columns, [one.probabilities for one in wanted])
    found: list[Any] = [cache.get(model, key) for key in keys]
    missing = [place for place, answer in enumerate(found) if answer is None]
    if missing:
        asked = columns if len(missing) == len(wanted) else rows.joined([wanted[place].row for place in missing])
        fresh = model.predict_columns(asked, probabilities=any(wanted[place].probabilities for place in missing))
        for number, place in enumerate(missing):
            found[place] = _one(fresh, number, probabilities=wanted[place].probabilities)
            cache.put(model, keys[place], found[place])
    return columns, _together(found)


def _one(found: Predictions, place: int, *, probabilities: bool) -> Predictions:
    """The answer for one of several rows."""
    part = slice(place, place + 1)
    return Predictions(
        found.values[part],
        None if found.confidences is None else found.confidences[part],
        found.probabilities[part] if probabilities and found.probabilities is not None else None,
    )


def _together(answers: list[Predictions]) -> Predictions:
    """The answers for single rows as those for all of them; a row that wanted no probabilities has an empty object."""
    first = answers[0]
    named = [answer.probabilities for answer in answers]
    return Predictions(
        [answer.values[0] for answer in answers],
        None if first.confidences is None else [c for answer in answers for c in answer.confidences or ()],
        [each[0] if each else {} for each in named] if any(named) else None,
    )
