"""Reads the tables that a transform step asks for beside the pipeline's own: a joined source, a named feature set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from millrace.errors import DataError, SpecError, did_you_mean
from millrace.settings import get_settings
from millrace.sources.base import Source
from millrace.stages.base import RunContext
from millrace.transforms.feature_set import FeatureTable

if TYPE_CHECKING:
    import pandas as pd

    from millrace.spec.feature_sets import FeatureSet


def load_table(context: RunContext, source: object) -> pd.DataFrame:
    """The whole table of another source, written as under `source` in a spec. Raises SpecError or SourceError."""
    return _read(context, _source(source))


def load_features(context: RunContext, name: str) -> FeatureTable:
    """A feature set as it stands now. Raises NotFoundError, SpecError, SourceError, DataError."""
    from millrace.spec.feature_sets import find_feature_set

    found = find_feature_set(get_settings().millrace_features_dir, name)
    table = _read(context, found.source)
    _refuse_unfit(found, table)
    if found.features is not None:
        table = table[[*found.entity, found.event_time, *found.features]]
    return FeatureTable(table, found.entity, found.event_time, found.max_age, found.known_after)


def _refuse_unfit(found: FeatureSet, table: pd.DataFrame) -> None:
    from pandas.api.types import is_datetime64_any_dtype

    for name in (*found.entity, found.event_time, *(found.features or [])):
        if name not in table.columns:
            raise DataError(
                f"The table of the feature set '{found.name}' has no column '{name}'.",
                hint=did_you_mean(name, map(str, table.columns)),
            )
    if not is_datetime64_any_dtype(table[found.event_time]):
        raise DataError(
            f"The event time '{found.event_time}' of the feature set '{found.name}' does not hold times.",
            hint="Make a time of it with source.timestamp.",
        )


def _read(context: RunContext, source: Source) -> pd.DataFrame:
    import pandas as pd

    from millrace.sources.base import Reading
    from millrace.sources.reading import read_source
    from millrace.stages.etl.unlocked import unlocked

    reading = Reading()
    frames = list(read_source(unlocked(source, context.credentials), reading))
    for note in reading.notes:
        context.warn(note)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _source(document: object) -> Source:
    """The source that a `join.with` declares. Raises SpecError that names the key."""
    from pydantic import TypeAdapter, ValidationError

    from millrace.spec.models import AnySource

    try:
        source: Source = TypeAdapter(AnySource).validate_python(document)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}" for fault in error.errors()]
        raise SpecError(f"join.with is no source: {'; '.join(faults)}.", hint="Write it as under 'source'.") from error
    return source
