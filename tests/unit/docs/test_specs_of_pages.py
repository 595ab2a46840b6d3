"""Every YAML example of the documentation is a spec, or a part of one, that is accepted as it stands."""

from __future__ import annotations

from typing import Any

import pytest
from doc_pages import Block, blocks

from millrace.errors import SpecError
from millrace.spec.catalogue import spec_from_document
from millrace.spec.document import parse_document
from millrace.spec.feature_sets import FeatureSet

ENVIRONMENT = {"DATA_DIR": "/data", "WAREHOUSE_URL": "postgresql://reader@warehouse/city"}
EXAMPLES = [block for block in blocks() if block.language == "yaml"]
PART_OF_SOURCE = {"timestamp", "interval"}

SOURCE = {"type": "sample", "name": "sensors", "timestamp": {"from": "seen", "as": "observed_at"}}
TRAINING = {"task": "regression", "target": "value", "candidates": [{"estimator": "ridge"}]}
FORECAST = {
    "task": "forecast",
    "target": "demand",
    "forecast": {"frequency": "h", "horizon": 24},
    "candidates": [{"estimator": "seasonal_naive", "season": 24}],
}


def whole(part: dict[str, Any]) -> dict[str, Any]:
    """A pipeline around an example that shows some of its sections only."""
    if PART_OF_SOURCE & set(part):
        part = {"source": {**SOURCE, **part}}
    forecast = part.get("task") == "forecast" or "forecast" in part or "allocation" in part
    candidates = [c.get("estimator") for c in part.get("candidates", []) if isinstance(c, dict)]
    forecast = forecast or "day_vector" in candidates
    trains = set(part) & {"task", "candidates", "promotion", "monitoring", "score", "search", "features", "split"}
    usual = FORECAST if forecast else TRAINING if trains else {}
    return {"name": "example", "source": SOURCE, **usual, **part}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_an_example_is_accepted(example: Block):
    text = example.text
    if text.lstrip().startswith("#") and ":" not in text.splitlines()[-1].partition("#")[0]:
        return  # a comment for editors
    document = parse_document(text, str(example)).substituted(ENVIRONMENT)
    if "event_time" in document:
        FeatureSet.model_validate(document)
        return
    spec_from_document(whole(document), ENVIRONMENT)


def test_a_wrong_key_would_be_found():
    with pytest.raises(SpecError, match="min_improvment"):
        spec_from_document(whole({"promotion": {"min_improvment": 0}}), ENVIRONMENT)


def test_there_are_examples():
    assert len(EXAMPLES) > 15
