"""Who takes part in a search: a candidate alone, the members of a stack, or what `auto` offers for the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millrace.errors import TrainingError
from millrace.estimators import CANDIDATES
from millrace.estimators.base import Candidate
from millrace.estimators.composite import Auto, Stacking
from millrace.spec.models import PipelineSpec
from millrace.spec.search import AUTO_TRIALS
from millrace.stages.search.portfolio import Offer, portfolio
from millrace.stages.search.trials import Entry
from millrace.stages.training.assembly import FLAG_SHARE, Recipe, can_guess, recipe
from millrace.strict import by_name

if TYPE_CHECKING:
    import pandas as pd

Known = dict[str, list[dict[str, Any]]]
"""Parameters that served before, by the label of their entry."""
Part = tuple[Candidate, tuple[dict[str, Any], ...], int]
"""A candidate, the parameters that it tries first, and how many trials it may have."""
_BY_NAME = by_name(CANDIDATES, "estimator")


def participants(
    spec: PipelineSpec, candidate: Candidate, inputs: pd.DataFrame, known: Known, warn: Callable[[str], None]
) -> tuple[list[Recipe], list[Entry]]:
    """The recipes and the entries of a candidate's search. Raises TrainingError."""
    parts = _parts(spec, candidate, inputs)
    recipes = [recipe(spec, part, inputs, warn) for part, _, _ in parts]
    entries = []
    for place, (part, starts, trials) in enumerate(parts):
        first = (*known.get(part.label, ()), *starts)
        entries.append(Entry(place, part.label, part.search, first, trials))
    return recipes, entries


def _parts(spec: PipelineSpec, candidate: Candidate, inputs: pd.DataFrame) -> list[Part]:
    if isinstance(candidate, Auto):
        trials, task = spec.search.trials or AUTO_TRIALS, str(spec.task)
        offers = portfolio(task, len(inputs), spec.metric, candidate.estimators)
        parts = [(_offered(offer, task), offer.starts, trials if offer.space else 1) for offer in offers]
        return parts + _filled(parts) if can_guess(inputs, FLAG_SHARE) else parts
    if isinstance(candidate, Stacking):
        named = [member.candidate(f"{number}-{member.estimator}") for number, member in enumerate(candidate.members, 1)]
        _refuse_unable(candidate, named, str(spec.task))
        return [(member, (), 1) for member in named]
    return [(candidate, (), candidate.trials if candidate.search else 1)]


def _offered(offer: Offer, task: str) -> Candidate:
    entry = _BY_NAME[offer.estimator]
    if task not in entry.tasks:
        raise TrainingError(
            f"auto cannot choose {offer.estimator}: it cannot do a {task}.",
            hint=f"It can do: {', '.join(sorted(entry.tasks))}. Remove it from 'estimators'.",
        )
    written = {"estimator": offer.estimator, "params": offer.params, "search": offer.space}
    return entry.model_validate({**written, "name": offer.label})


def _filled(parts: list[Part]) -> list[Part]:
    """The same again, with gaps guessed from the other columns, for those that would not guess by themselves.

    Which is better cannot be told beforehand: a gap may tell something, and may stop telling it when devices change.
    """
    return [
        (part.model_copy(update={"impute": "iterative", "name": f"{part.label}_filled"}), starts, trials)
        for part, starts, trials in parts
        if not part.needs_scaling and part.impute == "auto"
    ]


def _refuse_unable(stack: Candidate, members: list[Candidate], task: str) -> None:
    for member in members:
        if task not in member.tasks:
            raise TrainingError(
                f"The stack '{stack.label}' has the member {member.estimator}, which cannot do a {task}.",
                hint=f"It can do: {', '.join(sorted(member.tasks))}. Name another member.",
            )
