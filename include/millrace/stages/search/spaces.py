"""Search spaces: how a range or a list of choices, as written in a spec, is asked of Optuna and told to it."""

from __future__ import annotations

from typing import Any

LOG_SCALE_FACTOR = 10
Space = dict[str, list[Any] | dict[str, list[Any]]]


def suggested(asked: Any, space: Space) -> dict[str, Any]:
    """One set of parameters that Optuna's trial suggests."""
    return {name: _suggest(asked, name, one) for name, one in space.items()}


def asked_first(params: dict[str, Any], space: Space) -> dict[str, Any] | None:
    """The parameters in Optuna's words, so that it asks for them first; None where they lie outside the space."""
    told = {}
    for name, one in space.items():
        if name not in params:
            continue
        if isinstance(one, dict):
            if params[name] not in one["choices"]:
                return None
            told[name] = one["choices"].index(params[name])
        elif not isinstance(params[name], int | float) or not one[0] <= params[name] <= one[1]:
            return None
        else:
            told[name] = params[name]
    return told


def _suggest(asked: Any, name: str, space: list[Any] | dict[str, list[Any]]) -> Any:
    if isinstance(space, dict):
        # Optuna keeps plain values only: a choice such as [64, 32] is chosen by its place.
        return space["choices"][asked.suggest_categorical(name, list(range(len(space["choices"]))))]
    low, high = space
    log = low > 0 and high / low >= LOG_SCALE_FACTOR
    if isinstance(low, int) and isinstance(high, int):
        return asked.suggest_int(name, low, high, log=log)
    return asked.suggest_float(name, low, high, log=log)
