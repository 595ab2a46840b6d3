"""Puts a candidate together: one scikit-learn Pipeline of feature steps, encoding and estimator, and fits it.

What the Pipeline looks like is decided once, on all training rows; folds and trials fit copies of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from millrace.errors import MillraceError, TrainingError
from millrace.estimators.base import Candidate
from millrace.estimators.threads import bounded_threads
from millrace.features.encoding import encoder
from millrace.spec.models import PipelineSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

SEED = 17
FLAG_SHARE = 0.01
"""Columns with at least this share of missing numbers get a flag where the estimator takes no missing numbers."""


MAX_GUESSED_COLUMNS = 40
"""With more numeric columns, filling them from one another takes longer than it is worth."""


@dataclass(frozen=True)
class Recipe:
    """How one candidate is built for one table."""

    task: str
    candidate: Candidate
    inputs: list[str]
    steps: list[dict[str, Any]]
    encoder: Any
    targets: int
    preparation: tuple[bool, bool, str]
    """Whether numbers are scaled, whether they may be missing, and how they are filled."""

    def prepares_like(self, other: Recipe) -> bool:
        """Whether both, made for the same table, encode it alike."""
        return (self.preparation, self.inputs, self.steps) == (other.preparation, other.inputs, other.steps)

    def features(self) -> Any:
        """The unfitted feature steps."""
        from millrace.features.row_features import RowFeatures

        return RowFeatures(self.steps)

    def model(self, params: dict[str, Any]) -> Any:
        """The unfitted estimator with these parameters over the candidate's own."""
        return self._adapted(self.candidate.build(self.task, {**self.candidate.params, **params}, SEED))

    def pipeline(self, params: dict[str, Any]) -> Pipeline:
        """The unfitted Pipeline with these parameters over the candidate's own."""
        from sklearn.base import clone
        from sklearn.pipeline import Pipeline

        parts = [("features", self.features()), ("encode", clone(self.encoder)), ("model", self.model(params))]
        return Pipeline(parts)

    def fit(self, inputs: pd.DataFrame, target: Any, params: dict[str, Any], warn: Callable[[str], None]) -> Pipeline:
        """A fitted Pipeline. Raises TrainingError with the estimator's own reason."""
        with explained(self.candidate.label, warn), bounded_threads(len(inputs)):
            return settled(self.pipeline(params).fit(inputs[self.inputs], target))

    def _adapted(self, model: Any) -> Any:
        if self.targets > 1 and not self.candidate.several_targets:
            from sklearn.multioutput import MultiOutputRegressor

            return MultiOutputRegressor(model)
        return model


@contextmanager
def explained(label: str, warn: Callable[[str], None]) -> Iterator[None]:
    """Within it, what an estimator raises becomes a TrainingError that names the candidate; warnings are weighed."""
    from sklearn.exceptions import ConvergenceWarning

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except MillraceError:
        raise
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        raise TrainingError(
            f"The candidate '{label}' cannot be fitted: {_first_line(error)}.",
            hint="Check its params and search against scikit-learn's documentation.",
        ) from error
    # An imputer that stops early has still filled every gap; only an estimator that stops early is worth a word.
    unfinished = [w for w in caught if issubclass(w.category, ConvergenceWarning)]
    if any("IterativeImputer" not in str(w.message) for w in unfinished):
        warn(f"The candidate '{label}' did not converge; raise its max_iter, or scale its inputs.")


def recipe(spec: PipelineSpec, candidate: Candidate, inputs: pd.DataFrame, warn: Callable[[str], None]) -> Recipe:
    """Decide, on the training rows, how each input reaches the estimator. Raises TrainingError or TransformError."""
    from millrace.features.row_features import RowFeatures

    steps = [step.model_dump(mode="json", by_alias=True) for step in spec.features]
    flagged = _flagged(inputs, candidate)
    if flagged:
        steps.append({"step": "missing_flag", "columns": flagged})
    features = RowFeatures(steps).fit(inputs)
    takes_missing, impute = candidate.leaves_gaps, _imputation(inputs, candidate)
    # Guessing works on scaled numbers. Trees do not mind them, and share what was prepared for linear models.
    scaled = candidate.needs_scaling or (impute == "iterative" and not takes_missing)
    prepared = encoder(features.transform(inputs), scaled=scaled, takes_missing=takes_missing, impute=impute, warn=warn)
    read = {name for step in spec.features for name in step.inputs}
    read |= {name for _, _, names in prepared.transformers for name in names} | set(flagged)
    return Recipe(
        task=str(spec.task),
        candidate=candidate,
        inputs=[name for name in inputs.columns if name in read],
        steps=steps,
        encoder=prepared,
        targets=len(spec.targets),
        preparation=(scaled, takes_missing, impute),
    )


def settled(model: Any) -> Any:
    """The fitted model, answering in one thread: threads add up in another order each time, so digits would change."""
    for name in model.get_params(deep=True):
        if name.endswith("n_jobs"):
            model.set_params(**{name: 1})
    _settle_parts(model)
    return model


def _settle_parts(model: Any) -> None:
    """Fitted members of an ensemble are copies, which `set_params` does not reach."""
    parts = list(getattr(model, "estimators_", None) or []) if not hasattr(model, "tree_") else []
    parts += [getattr(model, name) for name in ("regressor_", "classifier_") if hasattr(model, name)]
    if hasattr(model, "named_steps"):
        parts += list(model.named_steps.values())
    for part in parts:
        if hasattr(part, "n_jobs"):
            part.n_jobs = 1
        if hasattr(part, "get_params"):
            _settle_parts(part)


def _flagged(inputs: pd.DataFrame, candidate: Candidate) -> list[str]:
    """Numeric columns whose being missing may itself tell something; of columns that miss the same rows, the first."""
    if candidate.leaves_gaps or candidate.is_baseline or _imputation(inputs, candidate) == "iterative":
        return []
    patterns: dict[bytes, str] = {}
    for name in inputs.select_dtypes("number").columns:
        missing = inputs[name].isna().to_numpy()
        if FLAG_SHARE <= missing.mean() < 1:
            patterns.setdefault(np.packbits(missing).tobytes(), str(name))
    return list(patterns.values())


def _imputation(inputs: pd.DataFrame, candidate: Candidate) -> str:
    """How missing numbers are filled: guessed from one another where a smooth model would otherwise meet jumps."""
    if candidate.impute != "auto":
        return candidate.impute
    return "iterative" if candidate.needs_scaling and can_guess(inputs) else "median"


def can_guess(inputs: pd.DataFrame, share: float = 0.0) -> bool:
    """Whether numbers are missing, in more than this share of a column's rows, and others are there to guess from."""
    numbers = inputs.select_dtypes("number")
    return 2 <= numbers.shape[1] <= MAX_GUESSED_COLUMNS and bool((numbers.isna().mean() > share).any())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
