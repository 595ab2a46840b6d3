"""What the process of explanations does: keeps the last models with their example rows, and explains rows.

It imports heavy libraries and computes for long with the interpreter's lock held; that is why it is a process.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_MODELS = 4


@dataclass(frozen=True)
class Job:
    """A version to explain: what tells it from others, where its files are, and the names of its targets.

    `pickles`: whether a file that runs code may be opened.
    """

    stamp: bytes
    name: str
    folder: Path
    targets: tuple[str, ...]
    pickles: bool = False


_models: OrderedDict[bytes, tuple[Any, Any]] = OrderedDict()


def prepare(job: Job) -> None:
    """Have the model in memory, with the libraries that explain it. Raises MillraceError."""
    import shap  # noqa: F401 - seconds, which are not the explanation's

    from serving.runtime.model_files import fitted_in

    if job.stamp in _models:
        _models.move_to_end(job.stamp)
        return
    _models[job.stamp] = fitted_in(job.folder, job.name, pickles=job.pickles)
    while len(_models) > MOST_MODELS:
        _models.popitem(last=False)


def explain(job: Job, columns: dict[str, Any]) -> list[dict[str, Any]]:
    """The explanations of one row. Raises NotExplainableError, or whatever the model raises."""
    import pandas as pd

    from serving.explaining.explanation import explained

    pipeline, examples = _models[job.stamp]
    return explained(pipeline, pd.DataFrame(columns), pd.DataFrame(examples), job.targets)
