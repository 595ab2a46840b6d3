"""What all DAGs of the platform share: their beginning, how a failed task is tried again, how a trigger names a time.

It defines no DAG; `.airflowignore` keeps Airflow from looking for one here. Airflow has this folder on its path.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from millrace.task_end import StageRefusedError

START = datetime(2020, 1, 1, tzinfo=UTC)
ISO_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"
MOMENT: dict[str, Any] = {"type": ["null", "string"], "format": "date-time", "pattern": ISO_TIME}


def default_args(owner: str, first_pause: timedelta, longest_pause: timedelta) -> dict[str, Any]:
    """Three more attempts after growing pauses; none where the stage itself says that another would fail alike.

    The pauses outlast a minute, so that the restart of a database fails no run.
    """
    return {
        "owner": owner,
        "retries": 3,
        "retry_delay": first_pause,
        "retry_exponential_backoff": 3.0,
        "max_retry_delay": longest_pause,
        "retry_policy": ExceptionRetryPolicy([RetryRule(StageRefusedError, RetryAction.FAIL)]),
    }
