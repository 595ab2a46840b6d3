"""Which data interval an Airflow run answers for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace.dag_run import DagRun
from millrace.errors import RequestError
from millrace.sources.base import DataInterval

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SCHEDULED = (DAY, DAY + timedelta(days=1))


def run(params: dict[str, Any] | None = None, *scheduled: datetime) -> DagRun:
    return DagRun("demo", "manual__2026-03-01T00:00:00+00:00", params or {}, *scheduled)


def test_a_scheduled_run_answers_for_its_interval() -> None:
    assert run({}, *SCHEDULED).interval == DataInterval(*SCHEDULED)


def test_parameters_win_over_the_schedule() -> None:
    given = run({"interval_start": "2026-01-01", "interval_end": "2026-01-02T01:00:00+01:00"}, *SCHEDULED).interval
    assert given == DataInterval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize("scheduled", [(), (DAY, DAY)])
def test_a_run_without_a_span_reads_everything(scheduled: tuple[datetime, ...]) -> None:
    assert run({"interval_start": None, "interval_end": None}, *scheduled).interval is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"interval_start": "2026-01-01"}, "One end of the data interval is missing"),
        ({"interval_end": "2026-01-01"}, "One end of the data interval is missing"),
        ({"interval_start": "2026-01-02", "interval_end": "2026-01-01"}, "is not before its end"),
        ({"interval_start": "2026-13-01", "interval_end": "2026-01-01"}, "'2026-13-01' is no time"),
    ],
)
def test_an_interval_that_is_none_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        _ = run(params, *SCHEDULED).interval


def test_every_task_of_a_run_has_the_same_record() -> None:
    assert run().run_id == "demo--manual-2026-03-01T00-00-00-00-00"
