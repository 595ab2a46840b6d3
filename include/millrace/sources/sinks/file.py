"""Writes a table to a local file, or to a folder of parts; it appears whole under its name, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from millrace.sources.base import Delivery, Sink

if TYPE_CHECKING:
    import pandas as pd

OutputFormat = Literal["csv", "parquet", "jsonl"]
EXTENSIONS: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class FileSink(Sink):
    """A file, replaced as a whole by a repeated write; a relative path starts at the working directory."""

    type: Literal["file"] = "file"
    path: str = Field(min_length=1, description="Path of the file, or of the folder where rows_per_file is given.")
    format: OutputFormat | None = Field(default=None, description="Default: by the extension; parquet for a folder.")
    rows_per_file: int | None = Field(
        default=None, ge=1_000, description="Write a folder of parts of at most so many rows."
    )

    @model_validator(mode="after")
    def _known_format(self) -> FileSink:
        if self.format is None and self.rows_per_file is None and Path(self.path).suffix.lower() not in EXTENSIONS:
            raise ValueError(
                f"The format of '{self.path}' is not known from its extension. Allowed: {', '.join(EXTENSIONS)}; "
                "or name it: format: csv, parquet or jsonl."
            )
        return self

    @property
    def form(self) -> OutputFormat:
        """The format in force."""
        return self.format or EXTENSIONS.get(Path(self.path).suffix.lower(), "parquet")

    def write(self, frames: Iterable[pd.DataFrame], delivery: Delivery) -> dict[str, Any]:
        """Write the rows; the same delivery again leaves the same file."""
        from millrace.sources.sinks.file_writing import write_file

        del delivery  # the path alone says which file is meant
        return write_file(self, frames)
