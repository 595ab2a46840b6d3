"""Runs DAGs by `dag.test()` in one real Airflow and prints what came of them; the tests run it in its own process.

Airflow reads AIRFLOW_HOME when it is first imported, so it must not share a process with other tests.
"""

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAGS = Path(__file__).resolve().parents[2] / "dags"
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.dag_processing.dagbag import BundleDagBag

        bag = BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags-folder")
        found = {
            "first": outcome(bag.dags["flowers"].test(logical_date=DAY)),
            "again": outcome(bag.dags["flowers"].test(logical_date=DAY)),
            "interval": outcome(bag.dags["flowers"].test(run_conf=INTERVAL)),
            "bad_data": outcome(bag.dags["no-target"].test(logical_date=DAY)),
            "half_interval": outcome(bag.dags["no-target"].test(run_conf={"interval_start": "2026-01-01"})),
            "late_source": outcome(bag.dags["late"].test(logical_date=DAY)),
            "events": events(),
        }
    sys.stdout.write(json.dumps(found, default=str))


INTERVAL = {"use_cache": False, "interval_start": "2026-01-01", "interval_end": "2026-01-02"}


def outcome(dag_run: Any) -> dict[str, Any]:
    from millrace.dag_run import DagRun
    from millrace.pipeline import run_summary
    from millrace.settings import get_settings
    from millrace.stores.model_registry import MlflowRegistry
    from millrace.stores.runs import MongoRunStore

    flush()
    settings = get_settings()
    record = MongoRunStore(settings).get_run(DagRun(dag_run.dag_id, dag_run.run_id, {}).run_id)
    return {
        "state": str(dag_run.state),
        "summary": run_summary(record),
        "interval": record["interval"],
        "trigger": record["trigger"],
        "stages": {name: [stage["status"], stage["attempt"]] for name, stage in record["stages"].items()},
        "labels": sorted(ti.rendered_map_index for ti in dag_run.get_task_instances() if ti.map_index >= 0),
        "versions": [version.version for version in MlflowRegistry(settings).versions(dag_run.dag_id)],
    }


def flush() -> None:
    """Let the listener's thread write what it still holds."""
    from millrace import run_mirror

    if not run_mirror.writer.flush(60):
        raise TimeoutError("the listener still writes")


def events() -> list[dict[str, Any]]:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(AssetModel.name, AssetEvent.extra).where(AssetEvent.asset_id == AssetModel.id)
    with create_session() as session:
        rows = session.execute(query).all()
    return [{"asset": name, **extra} for name, extra in rows]


main()
