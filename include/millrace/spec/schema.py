"""Publishes the JSON schema of a spec, so that editors complete and check it."""

from __future__ import annotations

from typing import Any

from millrace.spec.models import PipelineSpec


def spec_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a pipeline spec."""
    schema = PipelineSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Millrace pipeline spec"}
