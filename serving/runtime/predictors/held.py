"""What the process of predictions does: holds the fitted Pipelines of the versions that are served, and asks them.

A version that it does not hold, because it has taken the place of a process that died, it opens again from its files.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.runtime.estimator_file import EstimatorFile
    from serving.runtime.predictors.base import Asked, Columns
    from serving.runtime.predictors.sklearn import SklearnPredictor


@dataclass(frozen=True)
class Held:
    """A version to hold: what tells it from every other, its name, its model file, and its task where that is told."""

    key: int
    name: str
    file: EstimatorFile
    task: str | None
    digest: bytes | None = None
    """Of the file; None: whatever it holds."""


@dataclass(frozen=True)
class About:
    """What is known of a Pipeline once it is open."""

    labels: list[Any] | None
    digest: bytes


_models: dict[int, SklearnPredictor] = {}
_opening = threading.Lock()


def hold(held: Held) -> About:
    """Open a version and hold it. Raises MillraceError."""
    from millrace.errors import StorageError
    from serving.runtime.heap import give_back
    from serving.runtime.predictors.sklearn import SklearnPredictor

    try:
        content = held.file.path.read_bytes()
    except OSError as error:
        raise StorageError(f"The file of {held.name} is not here any more: {error}.", hint="Try again.") from error
    digest = blake2b(content).digest()
    if held.digest not in {None, digest}:
        raise StorageError(f"The file of {held.name} is not the one that was loaded.", hint="Load it again.")
    predictor = _models[held.key] = SklearnPredictor(held.file.opened(content, held.name), held.task)
    del content
    give_back()
    return About(predictor.labels, digest)


def ask(held: Held, columns: Columns) -> Asked:
    """The Pipeline's answers. Raises whatever it raises."""
    if held.key not in _models:
        with _opening:
            if held.key not in _models:
                hold(held)
    return _models[held.key].ask(columns)


def drop(key: int) -> None:
    """Hold a version no longer."""
    from serving.runtime.heap import give_back

    if _models.pop(key, None) is not None:
        give_back()
