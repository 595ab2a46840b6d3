"""What `millrace run` says to do next."""

from __future__ import annotations

from typing import Any

import pytest

from millrace.cli.run import next_step
from millrace.spec.catalogue import spec_from_document

TRAINING = {"task": "regression", "target": "y", "candidates": [{"estimator": "ridge"}]}
FORECAST = {
    "task": "forecast",
    "target": "y",
    "forecast": {"frequency": "h", "horizon": 24},
    "candidates": [{"estimator": "drift"}],
}
SOURCE = {"type": "sample", "name": "sensors", "timestamp": {"from": "seen", "as": "at"}}


@pytest.mark.parametrize(
    ("task", "promoted", "served", "said"),
    [
        (TRAINING, True, True, "millrace predict prices --example"),
        (TRAINING, True, False, "millrace score prices --input TABLE --output FILE"),
        (FORECAST, True, False, "/api/v1/forecasts?pipeline=prices"),
        (TRAINING, False, False, ""),
        ({}, False, False, ""),
    ],
)
def test_the_next_step_fits_what_ran(task: dict[str, Any], promoted: bool, served: bool, said: str) -> None:
    spec = spec_from_document({"name": "prices", "source": SOURCE, **task}, {}).spec
    step = next_step(spec, {"promoted": promoted}, served=served)
    assert said in step
    assert bool(said) == bool(step)
