"""A forecast gets its allocation: availability from numbers, hours and tables; conflicts end the run or are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from millrace.errors import AllocationError
from millrace.spec.models import PipelineSpec
from millrace.stages.base import RunContext
from millrace.stages.forecasts.allocation import allocated

COAL = {"name": "coal", "capacity": 1000, "cost": 40, "co2": 900}
SUN = {"name": "sun", "capacity": 400, "renewable": True}


def spec_of(**allocation: Any) -> PipelineSpec:
    return PipelineSpec.model_validate(
        {
            "name": "city",
            "source": {"type": "sample", "name": "energy_demand", "timestamp": {"from": "Datetime", "as": "at"}},
            "task": "forecast",
            "target": "demand",
            "forecast": {"frequency": "h", "horizon": 24},
            "candidates": [{"estimator": "seasonal_naive"}],
            "allocation": {"sources": [COAL, SUN], **allocation},
        }
    )


def context_of(spec: PipelineSpec) -> RunContext:
    return RunContext("r", spec, "v", runs=None, artifacts=None, registry=None)  # type: ignore[arg-type]


def forecasts(hours: int = 24, demand: float = 500, series: str = "A") -> list[dict[str, Any]]:
    start = datetime(2024, 6, 30, 22, tzinfo=UTC)
    return [{"series": series, "timestamp": start + timedelta(hours=n), "demand": demand} for n in range(hours)]


def outputs(spec: PipelineSpec, given: list[dict[str, Any]], source: str = "sun") -> dict[str, float]:
    documents, _ = allocated(context_of(spec), spec.allocation, given)
    return {f"{one['timestamp']:%m-%d %H}": one["allocation"]["outputs"][source] for one in documents}


def test_hours_of_the_day_are_utc() -> None:
    sun = {**SUN, "availability": [hour / 100 for hour in range(24)]}
    found = outputs(spec_of(sources=[COAL, sun]), forecasts())
    assert found["06-30 22"] == pytest.approx(88)
    assert found["07-01 00"] == pytest.approx(0)
    assert found["07-01 21"] == pytest.approx(84)


@pytest.mark.parametrize(
    ("on", "lines"),
    [
        (["month", "hour"], [f"{month},{hour},{month / 10}" for month in (6, 7) for hour in range(24)]),
        (["timestamp"], [f"{one['timestamp'].isoformat()},{one['timestamp'].month / 10}" for one in forecasts()]),
    ],
)  # fmt: skip
def test_a_table_gives_the_share_of_each_hour(tmp_path: Path, on: list[str], lines: list[str]) -> None:
    table = tmp_path / "sun.csv"
    table.write_text(f"{','.join(on)},share\n" + "\n".join(lines) + "\n")
    source: dict[str, Any] = {"type": "file", "path": str(table)}
    if on == ["timestamp"]:
        source["timestamp"] = {"from": "timestamp", "as": "timestamp"}
    spec = spec_of(sources=[COAL, {**SUN, "availability": "share"}], availability={"with": source, "on": on})
    found = outputs(spec, forecasts())
    assert (found["06-30 23"], found["07-01 00"]) == pytest.approx((240, 280))


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("hour,share\n0,0.5\n", "share", "no 'share' for 2024-06-30 22:00 UTC"),
        ("hour,share\n0,0.5\n0,0.6\n", "share", "more than one row for"),
        ("hour,share\n0,0.5\n", "shares", "no column 'shares'"),
        ("hours,share\n0,0.5\n", "share", "no column 'hour'"),
        ("hour,share\n" + "".join(f"{h},1.5\n" for h in range(24)), "share", "availability of sun is 1.5 at"),
    ],
)
def test_a_table_that_does_not_say_is_refused(tmp_path: Path, text: str, column: str, message: str) -> None:
    table = tmp_path / "sun.csv"
    table.write_text(text)
    where = {"with": {"type": "file", "path": str(table)}, "on": ["hour"]}
    spec = spec_of(sources=[COAL, {**SUN, "availability": column}], availability=where)
    with pytest.raises(AllocationError, match=message):
        allocated(context_of(spec), spec.allocation, forecasts())


def test_each_series_has_a_plan_of_its_own() -> None:
    spec = spec_of(carbon_price=10)
    documents, plans = allocated(context_of(spec), spec.allocation, forecasts(2, 500, "B") + forecasts(2, 300, "A"))
    assert [plan["series"] for plan in plans] == ["A", "B"]
    assert plans[0] == {"series": "A", "cost": 0, "co2": 0, "renewable_share": 1, "conflicts": []}
    assert plans[1]["cost"] == 2 * 100 * 40
    assert [one["allocation"]["price"] for one in documents] == pytest.approx([0, 0, 49, 49])


def test_conflicts_end_the_run_or_are_kept_and_told() -> None:
    wanted = {"min_renewable_share": 0.9}
    strict = spec_of(**wanted)
    with pytest.raises(AllocationError, match=r"Series 'A': No allocation keeps every limit\. 2024-06-30 22:00 UTC"):
        allocated(context_of(strict), strict.allocation, forecasts(3))
    loose = spec_of(**wanted, conflicts="relax")
    context = context_of(loose)
    documents, (plan,) = allocated(context, loose.allocation, forecasts(3))
    assert [one["by"] for one in plan["conflicts"]] == pytest.approx([50] * 3)
    assert (
        "renewables reach 80.0% of the demand, 50.0 MW short of the 90.0%" in documents[2]["allocation"]["conflicts"][0]
    )
    assert documents[0]["allocation"]["outputs"] == pytest.approx({"coal": 100, "sun": 400}, abs=1e-3)
    (warning,) = context.taken_warnings()
    assert "3 give way" in warning


def test_a_forecast_without_a_value_is_not_allocated_in_silence() -> None:
    spec = spec_of()
    missing = [{**one, "demand": None} for one in forecasts(1)]
    with pytest.raises(AllocationError, match="demand is nan at 2024-06-30 22:00 UTC"):
        allocated(context_of(spec), spec.allocation, missing)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"sources": [COAL, COAL]}, "Two sources are called 'coal'"),
        ({"sources": [{**COAL, "availability": "wind"}]}, "say under allocation.availability of which table"),
        ({"sources": [COAL], "min_renewable_share": 0.1}, "needs a source with renewable: true"),
        ({"sources": [{**COAL, "availability": [0.5] * 23}]}, "24"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec_of(**parts)


def test_only_a_forecast_is_allocated() -> None:
    document = {
        "name": "x",
        "source": {"type": "sample", "name": "air_quality"},
        "task": "regression",
        "target": "y",
        "candidates": [{"estimator": "ridge"}],
        "allocation": {"sources": [COAL]},
    }
    with pytest.raises(ValidationError, match="'allocation' is for task: forecast"):
        PipelineSpec.model_validate(document)
