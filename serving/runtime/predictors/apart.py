"""Asks a fitted Pipeline in the process of predictions: scikit-learn holds the interpreter's lock for milliseconds.

In the worker's own process the event loop would wait for that lock before each of its steps, also to refuse a request.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import count
from typing import Any

from serving.apart.process import Apart
from serving.failures import ProcessDiedError
from serving.runtime.estimator_file import EstimatorFile
from serving.runtime.predictors import held
from serving.runtime.predictors.base import Asked, Columns

_keys = count()


class ApartPredictor:
    """One version in the process; it goes there when this object does. Any thread but the event loop's may ask."""

    is_compiled = False
    is_quick = False

    def __init__(self, apart: Apart, name: str, file: EstimatorFile, task: str | None) -> None:
        self._apart = apart
        self._held = held.Held(next(_keys), name, file, task)
        about: held.About = apart.run(held.hold, self._held)
        self._held = replace(self._held, digest=about.digest)
        self.labels: list[Any] | None = about.labels
        weakref.finalize(self, apart.tell, held.drop, self._held.key).atexit = False

    def ask(self, columns: Columns) -> Asked:
        """The Pipeline's answers; asked once more where the process dies. Raises ProcessDiedError."""
        try:
            return self._asked(columns)
        except ProcessDiedError:
            return self._asked(columns)

    def _asked(self, columns: Columns) -> Asked:
        found: Asked = self._apart.run(held.ask, self._held, columns)
        return found
