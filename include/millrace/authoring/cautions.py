"""What is accepted in a spec but will not do what its writer may expect, or not yet."""

from __future__ import annotations

from millrace.errors import MillraceError
from millrace.settings import Settings
from millrace.spec.feature_sets import names
from millrace.spec.models import PipelineSpec
from millrace.spec.references import names_in
from millrace.stores.credentials import MongoCredentials
from millrace.transforms.feature_set import FeatureSetStep


def cautions(spec: PipelineSpec, settings: Settings) -> list[str]:
    """One sentence for each."""
    found = []
    if spec.monitoring is not None and not spec.monitoring.watches:
        found.append("monitoring watches nothing: set drift, live_quality or coverage.")
    if spec.task is None and not spec.load:
        found.append("neither a task nor a sink (load): the run ends with the transformed table in the artifact store.")
    if spec.splitting.by == "random" and spec.task not in {None, "clustering"} and spec.time_column:
        found.append("split.by: random mixes later rows into the training of earlier ones; by: time is the honest one.")
    return found + _unknown_sets(spec, settings) + _absent_credentials(spec, settings)


def _unknown_sets(spec: PipelineSpec, settings: Settings) -> list[str]:
    """The feature sets that the spec names and that are not there."""
    wanted = [step.name for step in spec.transform if isinstance(step, FeatureSetStep)]
    if not wanted:
        return []
    folder = settings.millrace_features_dir
    known = names(folder)
    return [f"there is no feature set '{name}' in {folder}." for name in wanted if name not in known]


def _absent_credentials(spec: PipelineSpec, settings: Settings) -> list[str]:
    """What is to be said of the stored credentials that the spec refers to; their values are not read."""
    parts = (spec.source, *spec.transform, *spec.load, *([spec.score] if spec.score else []))
    wanted = set().union(*(names_in(part) for part in parts))
    if not wanted:
        return []
    try:
        known = {about["name"] for about in MongoCredentials(settings).listed()}
    except MillraceError as error:
        return [f"whether the credentials {', '.join(sorted(wanted))} are stored cannot be told: {error}"]
    return [
        f"the credential '{name}' is not stored yet: millrace credentials set {name}."
        for name in sorted(wanted - known)
    ]
