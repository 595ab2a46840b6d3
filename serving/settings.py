"""The settings that only the service has; where everything is stands in `millrace.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from millrace.settings import read_settings


class ServiceSettings(BaseSettings):
    """Limits of the service. Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    serving_batch_rows: int = Field(default=1_000, ge=1, description="Most rows of one JSON batch.")
    serving_body_bytes: int = Field(default=10_000_000, ge=1_000, description="Largest request body in bytes.")
    serving_body_seconds: float = Field(default=30.0, gt=0, description="How long a request body may take to arrive.")
    serving_files: int = Field(default=2, ge=1, description="Files that a worker predicts at the same time.")
    serving_file_bytes: int = Field(default=1_000_000_000, ge=1_000, description="Largest file to predict in bytes.")
    serving_file_rows: int = Field(default=10_000_000, ge=1, description="Most rows of such a file.")
    serving_file_seconds: float = Field(default=600.0, gt=0, description="How long a file may take to arrive.")
    serving_draft_seconds: float = Field(
        default=60.0, gt=0, description="How long a table may be looked at to draft a spec from it."
    )
    serving_threads: int = Field(default=2, ge=1, description="Predictions that are computed at the same time.")
    serving_waiting: int = Field(default=128, ge=0, description="Predictions that may wait; more are refused (503).")
    serving_batch_size: int = Field(
        default=32, ge=1, description="Most rows of one call of a model that is not compiled."
    )
    serving_queue_rows: int = Field(
        default=5_000, ge=1, description="Rows that may wait before such a model; more are refused (503)."
    )
    serving_apart: bool = Field(
        default=True,
        description="Models that are not compiled predict in a process beside the worker; else in the worker itself.",
    )
    serving_apart_nice: int = Field(
        default=2, ge=0, le=19, description="How much that process stands back behind the worker (nice)."
    )
    serving_unknown_fields: Literal["refuse", "ignore"] = Field(
        default="refuse", description="What happens to a field that the model does not know."
    )
    serving_pickles: Literal["refuse", "load"] = Field(
        default="refuse",
        description="Whether models that the registry holds as pickles are served: such a file runs the code of "
        "whoever made it, with the service's rights.",
    )
    serving_explain_seconds: float = Field(default=5.0, gt=0, description="What one explanation may cost in seconds.")
    serving_onnx_threads: int = Field(default=1, ge=1, description="Threads of one prediction by a compiled model.")
    serving_wait_seconds: float = Field(
        default=0.05,
        gt=0,
        description="How long one row may take under load; a model that takes longer takes fewer at a time (503).",
    )
    serving_cache_entries: int = Field(
        default=100_000, ge=0, description="Answers that a worker remembers; 0: none, whatever a model says."
    )
    serving_cache_bytes: int = Field(default=64_000_000, ge=0, description="Memory of a worker for them.")
    serving_cache_compiled: bool = Field(
        default=True, description="Whether answers of compiled models are remembered too, which are quick to make."
    )
    serving_shadow_rows: int = Field(
        default=1_000, ge=0, description="Rows that may wait for a shadow; more are dropped and counted."
    )
    serving_visiting_versions: int = Field(
        default=4, ge=0, description="Versions in memory only because callers name them; 0: none is loaded for that."
    )
    serving_gzip_bytes: int = Field(
        default=4_000, ge=0, description="Answers from this size on are compressed for callers who take that; 0: none."
    )
    serving_log_level: str = Field(default="INFO", description="Level of the service's log.")
    serving_log_format: Literal["json", "text"] = Field(default="json", description="Form of the service's log.")
    serving_predictions_share: float = Field(
        default=1.0, ge=0, le=1, description="Share of the predictions that are recorded; 0: none."
    )
    serving_predictions_masked: str = Field(
        default="", description="Input columns whose values are not recorded: 'column' or 'model/column', by commas."
    )
    serving_predictions_days: int = Field(default=90, ge=0, description="How long a prediction is kept; 0: for ever.")
    serving_predictions_seconds: float = Field(
        default=1.0, gt=0, description="How often recorded predictions go to MongoDB."
    )
    serving_predictions_spool_bytes: int = Field(
        default=2_000_000_000, ge=0, description="Most that waits on disk while MongoDB is away."
    )


def service_settings(home: Path) -> ServiceSettings:
    """Read the service's settings: the environment first, then `stack.env`. Raises SettingsError."""
    return read_settings(ServiceSettings, home)
