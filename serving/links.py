"""Where a person finds a pipeline, a run or a model in Airflow and MLflow."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from millrace.settings import Settings


class Links:
    """Addresses of pages; None where the other program has no page for it."""

    def __init__(self, settings: Settings) -> None:
        self._airflow = settings.airflow.rstrip("/")
        self._mlflow = settings.mlflow.rstrip("/") if settings.mlflow.startswith("http") else None

    def pipeline(self, name: str) -> dict[str, str | None]:
        """The pages of a pipeline."""
        return {"airflow": f"{self._airflow}/dags/{quote(name)}", "mlflow": self.model(name)}

    def run(self, record: dict[str, Any]) -> dict[str, str | None]:
        """The pages of a run: its Airflow run, if Airflow ran it, and its model version."""
        trigger = record.get("trigger") or {}
        airflow = None
        if trigger.get("dag_id") and trigger.get("dag_run_id"):
            airflow = f"{self._airflow}/dags/{quote(trigger['dag_id'])}/runs/{quote(trigger['dag_run_id'], safe='')}"
        registered = (record.get("stages", {}).get("register") or {}).get("output") or {}
        return {"airflow": airflow, "mlflow": self.model(record["pipeline"], registered.get("model_version"))}

    def model(self, name: str, version: str | None = None) -> str | None:
        """The page of a model, or of one version."""
        if self._mlflow is None:
            return None
        page = f"{self._mlflow}/#/models/{quote(name)}"
        return f"{page}/versions/{version}" if version else page
