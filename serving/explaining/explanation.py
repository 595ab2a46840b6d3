"""One explanation as it is answered: for each output what its fields add to it, in the order of their weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from serving.explaining.explainers import shares_of
from serving.explaining.origins import Origin, origins_of
from serving.explaining.shares import Shares
from serving.failures import NotExplainableError

if TYPE_CHECKING:
    from serving.explaining.shares import Array


def explained(pipeline: Any, row: Any, examples: Any, targets: Sequence[str]) -> list[dict[str, Any]]:
    """The explanations of a Pipeline's answer for a table of one row, against a table of example rows.

    Raises NotExplainableError.
    """
    steps = getattr(pipeline, "steps", None)
    if not steps or len(steps) < 2:
        raise NotExplainableError(
            f"The model is a {type(pipeline).__name__} and no Pipeline of features and estimator."
        )
    before, estimator = pipeline[:-1], pipeline[-1]
    matrix = _numbers(before.transform(row))
    shares = shares_of(estimator, matrix, _numbers(before.transform(examples))).check()
    origins = origins_of([step for _, step in steps[:-1]], list(row.columns), matrix.shape[1])
    classes = getattr(pipeline, "classes_", None)
    if classes is not None:
        return [_of_class(shares, origins, classes.tolist(), pipeline.predict(row).tolist()[0])]
    return [_explanation(shares, origins, place, {"target": target}) for place, target in _outputs(shares, targets)]


def _numbers(matrix: Any) -> Array:
    import numpy as np

    return np.asarray(matrix, dtype=np.float64)


def _outputs(shares: Shares, targets: Sequence[str]) -> list[tuple[int, str]]:
    named = len(targets) == len(shares.value)
    return [(place, targets[place] if named else f"target_{place}") for place in range(len(shares.value))]


def _of_class(shares: Shares, origins: list[Origin], classes: list[Any], answer: Any) -> dict[str, Any]:
    """The explanation of the class that was answered; of two classes on one scale, the first is the other's mirror."""
    about = {"class": answer}
    if len(shares.value) == len(classes):
        return _explanation(shares, origins, classes.index(answer), about)
    sign = 1 if answer == classes[1] else -1
    mirrored = Shares(shares.scale, sign * shares.base, sign * shares.shares, sign * shares.value)
    return _explanation(mirrored, origins, 0, about)


def _explanation(shares: Shares, origins: list[Origin], output: int, about: dict[str, Any]) -> dict[str, Any]:
    groups: dict[tuple[str, ...], tuple[list[str], list[float]]] = {}
    for origin, share in zip(origins, shares.shares[:, output].tolist(), strict=True):
        features, added = groups.setdefault(origin.fields or (origin.feature,), ([], []))
        features.append(origin.feature)
        added.append(share)
    known = any(origin.fields for origin in origins)
    contributions = [
        {"fields": list(fields) if known else [], "features": features, "contribution": sum(added)}
        for fields, (features, added) in groups.items()
    ]
    return {
        **about,
        "scale": shares.scale,
        "base_value": float(shares.base[output]),
        "value": float(shares.value[output]),
        "contributions": sorted(contributions, key=lambda one: -abs(one["contribution"])),
    }
