"""The tables of the documentation list what the code has: steps, estimators, keys of a spec, metrics."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from doc_pages import PROJECT, names_in, prose, table_rows
from pydantic import BaseModel

from millrace.drift.base import DriftLimits
from millrace.estimators import CANDIDATES
from millrace.features import STEPS as FEATURES
from millrace.forecasting.candidates import FORECASTERS
from millrace.forecasting.plan import ForecastPlan
from millrace.sources import SINKS, SOURCES
from millrace.spec.allocation import AllocatedSource
from millrace.spec.metrics import METRICS
from millrace.spec.models import PipelineSpec
from millrace.spec.monitoring import Monitoring
from millrace.spec.search import Search
from millrace.transforms import STEPS as TRANSFORMS


def literal(kind: type[BaseModel], field: str) -> str:
    """The one value that a registry's entry goes by."""
    return str(get_args(kind.model_fields[field].annotation)[0])


def listed(page: str, column: str) -> set[str]:
    """The names in the first column of the tables of a page that begin with this column."""
    return {name for cells in table_rows(page, column) for name in names_in(cells[0])}


@pytest.mark.parametrize(
    ("page", "column", "entries", "field"),
    [
        ("transforms.md", "step", TRANSFORMS, "step"),
        ("features.md", "step", FEATURES, "step"),
        ("estimators.md", "estimator", CANDIDATES, "estimator"),
        ("forecasting.md", "`estimator`", FORECASTERS, "estimator"),
    ],
)
def test_a_table_lists_the_registry(page, column, entries, field):
    assert listed(page, column) - {"auto"} == {literal(entry, field) for entry in entries} - {"auto"}


def test_the_options_of_a_transform_step_are_its_fields():
    for step in TRANSFORMS:
        [cells] = [row for row in table_rows("transforms.md", "step") if literal(step, "step") in names_in(row[0])]
        told = {name.partition(":")[0] for name in re.findall(r"`([^`]+)`", cells[1])}
        fields = {field.alias or name for name, field in step.model_fields.items()} - {"step"}
        assert told == fields, literal(step, "step")


def test_the_keys_of_a_feature_step_are_its_fields():
    for step in FEATURES:
        [cells] = [row for row in table_rows("features.md", "step") if literal(step, "step") in names_in(row[0])]
        fields = {field.alias or name for name, field in step.model_fields.items()} - {"step"}
        assert set(names_in(cells[2])) == fields, literal(step, "step")


def test_every_source_and_sink_has_its_part():
    page = PROJECT / "docs" / "sources.md"
    headings = set(re.findall(r"^## (\w+)$", prose(page), re.MULTILINE))
    assert {literal(source, "type") for source in SOURCES} <= headings
    assert {literal(sink, "type") for sink in SINKS} == set(re.findall(r"\{type: (\w+),", prose(page)))


@pytest.mark.parametrize("page", ["spec.md", "estimators.md"])
def test_metrics_of_each_task(page):
    column = "task"
    told = {cells[0]: set(names_in(cells[1])) for cells in table_rows(page, column)}
    assert told == {task: set(METRICS[task]) for task in told}
    assert set(told) >= {"regression", "classification", "clustering"}


def test_every_key_of_a_spec_is_in_its_table():
    told = {name.partition(".")[0] for cells in table_rows("spec.md", "key") for name in names_in(cells[0])}
    assert told == {field.alias or name for name, field in PipelineSpec.model_fields.items()}


@pytest.mark.parametrize(
    ("page", "column", "section"),
    [
        ("monitoring.md", "key", DriftLimits),
        ("monitoring.md", "key", Monitoring),
        ("models.md", "key", Search),
        ("forecasting.md", "key", ForecastPlan),
        ("allocation.md", "key of a source", AllocatedSource),
    ],
)
def test_every_key_of_a_section_is_documented_with_its_default(page, column, section):
    rows = {name: cells for cells in table_rows(page, column) for name in names_in(cells[0])}
    for name, field in section.model_fields.items():
        key = field.alias or name
        assert key in rows or any(told.startswith(f"{key}.") for told in rows), f"{page} does not tell of {key}"
        if key in rows and isinstance(field.default, (int, float, timedelta)) and not isinstance(field.default, bool):
            assert told_default(rows[key][-1]) == seconds(field.default), key


def told_default(cell: str) -> Any:
    text = cell.strip("`")
    if match := re.fullmatch(r"(\d+)([mhdw])", text):
        return int(match[1]) * {"m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]
    return float(text.replace(",", "")) if re.fullmatch(r"[\d.,]+", text) else text


def seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
