"""The section `monitoring`: its short forms, its defaults, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from millrace.drift.base import DriftLimits
from millrace.errors import SpecError
from millrace.spec.catalogue import load_spec
from millrace.spec.duration import Duration
from millrace.spec.monitoring import Monitoring
from millrace.spec.schema import spec_schema

SPEC = """name: flowers
source: {type: sample, name: sklearn/iris}
task: classification
target: target
candidates: [{estimator: logistic_regression}]
"""


@given(st.integers(0, 9_999), st.sampled_from([("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800), ("s", 1)]))
def test_a_number_and_a_unit_is_a_length_of_time(count: int, unit: tuple[str, int]) -> None:
    assert TypeAdapter(Duration).validate_python(f"{count}{unit[0]}") == timedelta(seconds=count * unit[1])


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=900)))
def test_a_length_of_time_survives_json(value: timedelta) -> None:
    adapter = TypeAdapter(Duration)
    assert adapter.validate_json(adapter.dump_json(value)) == value


@pytest.mark.parametrize("text", ["soon", "24", "24 hours", "-3h", "99999999999d", "h"])
def test_other_lengths_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(text)


def test_true_asks_for_the_defaults() -> None:
    assert Monitoring.model_validate({"drift": True}).drift == DriftLimits()
    assert Monitoring.model_validate({"drift": {"distance": 0.2}}).drift == DriftLimits(distance=0.2)
    assert Monitoring.model_validate({"drift": False}).drift is None
    assert not Monitoring().watches


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{drift: true, schedule: often}", "neither a cron expression nor a preset"),
        ("{drift: true, window: 5s}", "shorter than a minute"),
        ("{drift: true, window: long}", "such as 30m, 24h, 7d"),
        ("{retrain: on_drift}", "needs drift: true"),
        ("{drift: {distance: 3}}", "less than 1"),
        ("{drift: {distanze: 0.3}}", "distanze"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, written: str, said: str) -> None:
    path = tmp_path / "flowers.yaml"
    path.write_text(f"{SPEC}monitoring: {written}\n")
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert said in str(caught.value)
    assert f"{path}:6" in str(caught.value)


def test_a_metric_that_live_predictions_cannot_give_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flowers.yaml"
    path.write_text(f"{SPEC}monitoring: {{live_quality: {{metric: roc_auc}}}}\n")
    with pytest.raises(SpecError, match="cannot watch 'roc_auc'"):
        load_spec(path)


def test_only_a_forecast_has_intervals_to_watch(tmp_path: Path) -> None:
    path = tmp_path / "flowers.yaml"
    path.write_text(f"{SPEC}monitoring: {{coverage: true}}\n")
    with pytest.raises(SpecError, match="watches the intervals of a forecast"):
        load_spec(path)


def test_the_published_schema_knows_both_forms() -> None:
    validator = jsonschema.Draft202012Validator(spec_schema())
    document = YAML(typ="safe").load(SPEC)
    assert validator.is_valid({**document, "monitoring": {"drift": True}})
    assert validator.is_valid({**document, "monitoring": {"drift": {"share": 0.5}}})
    assert not validator.is_valid({**document, "monitoring": {"drift": {"share": 5}}})


def test_a_plain_etl_has_nothing_to_monitor(tmp_path: Path) -> None:
    path = tmp_path / "copy.yaml"
    path.write_text("name: copy\nsource: {type: sample, name: sklearn/iris}\nmonitoring: {drift: true}\n")
    with pytest.raises(SpecError, match="'monitoring' is given, but no 'task'"):
        load_spec(path)
