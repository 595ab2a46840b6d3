"""Named feature sets: tables keyed by entity and time that several pipelines join, one YAML file each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from millrace.errors import NotFoundError, did_you_mean
from millrace.spec.document import read_document
from millrace.spec.duration import Duration
from millrace.spec.models import AnySource
from millrace.spec.problems import spec_error
from millrace.strict import StrictModel


class FeatureSet(StrictModel):
    """One set: where its table is, what a row is about, and since when and how long its values count."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Lower-case letters, digits, '-' and '_'.")
    description: str = Field(default="", description="One sentence for people.")
    source: AnySource
    entity: list[str] = Field(default_factory=list, description="Columns that name what a row is about; none: all.")
    event_time: str = Field(description="Column with the time at which a row's values came to be.")
    known_after: Duration = Field(default=timedelta(0), description="How long after that they are known.")
    max_age: Duration | None = Field(default=None, description="How long they count; default: until newer ones.")
    features: list[str] | None = Field(default=None, description="Columns that are features; default: all others.")

    @model_validator(mode="after")
    def _keys_are_no_features(self) -> FeatureSet:
        keys = {*self.entity, self.event_time}
        twice = [name for name in self.features or [] if name in keys]
        if twice:
            raise ValueError(f"'{twice[0]}' is a key and cannot be a feature too.")
        if self.max_age is not None and self.max_age < self.known_after:
            raise ValueError(f"max_age {self.max_age} is below known_after {self.known_after}: no value would count.")
        return self


def find_feature_set(folder: Path, name: str, environment: Mapping[str, str] | None = None) -> FeatureSet:
    """The set of this name. Raises NotFoundError, or SpecError that names file, line, value and what is allowed."""
    path, known = folder / f"{name}.yaml", names(folder)
    if name not in known:
        hint = did_you_mean(name, known) if known else f"Put a file {name}.yaml there, or set MILLRACE_FEATURES_DIR."
        raise NotFoundError(f"There is no feature set '{name}' in {folder}.", hint=hint)
    document = read_document(path)
    try:
        found = FeatureSet.model_validate(document.substituted(environment))
    except ValidationError as error:
        raise spec_error(error, document, FeatureSet) from error
    if found.name != name:
        raise NotFoundError(f"{path} holds the feature set '{found.name}', not '{name}'.", hint="Rename one of them.")
    return found


def names(folder: Path) -> list[str]:
    """The names of the sets in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))
