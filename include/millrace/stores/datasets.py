"""Reads a stored dataset from S3: whole, by columns, or in parts of bounded size.

Writing one, and naming it by its content, belongs to `stores.artifacts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from millrace.errors import StorageError
from millrace.settings import Settings
from millrace.stores.base import DatasetRef
from millrace.stores.content_hash import GROUP_ROWS
from millrace.tables.pandas_types import EXACT_INTEGERS, Known, frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TABLE = "part-00000.parquet"


class ParquetDataset:
    """An open dataset; see `stores.base.Dataset`."""

    def __init__(self, settings: Settings, ref: DatasetRef) -> None:
        self._settings = settings
        self.ref = ref

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema."""
        with self._file() as parquet:
            return parquet.schema_arrow

    def frame(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The whole table, or some of its columns."""
        with self._file() as parquet:
            return frame_of(parquet.read(columns=columns))

    def frames(self, rows: int, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """The table in frames of at most `rows` rows, in order, of the dtypes that `frame` gives."""
        import pyarrow as pa

        with self._file() as parquet:
            known = _known(parquet)
            # What is fetched ahead stays until the next call: so one call for a few row groups, never for all of them.
            at_once = max(1, rows // GROUP_ROWS)
            for first in range(0, parquet.num_row_groups, at_once):
                groups = range(first, min(first + at_once, parquet.num_row_groups))
                for batch in parquet.iter_batches(batch_size=rows, columns=columns, row_groups=groups):
                    yield frame_of(pa.Table.from_batches([batch]), known)

    def _file(self) -> Any:
        """The Parquet file, opened over S3: only the row groups and columns that are read travel."""
        import pyarrow.parquet as pq
        from pyarrow.fs import S3FileSystem

        endpoint = self._settings.s3_endpoint
        filesystem = S3FileSystem(
            access_key=self._settings.aws_access_key_id.get_secret_value(),
            secret_key=self._settings.aws_secret_access_key.get_secret_value(),
            region=self._settings.aws_default_region,
            endpoint_override=endpoint,
            scheme=endpoint.partition("://")[0],
            connect_timeout=5,
            request_timeout=60,
        )
        bucket, prefix = split_uri(self.ref.uri)
        try:
            return pq.ParquetFile(f"{bucket}/{prefix}{TABLE}", filesystem=filesystem, pre_buffer=True)
        except OSError as error:
            raise StorageError(
                f"The dataset {self.ref.uri} cannot be read from S3 at {endpoint}: {first_line(error)}.",
                hint="'millrace doctor' tests the connection; run the pipeline with --no-cache to write it again.",
            ) from error


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _known(parquet: Any) -> dict[str, Known]:
    """What the file's own statistics say of each column of the whole table."""
    groups = [parquet.metadata.row_group(index) for index in range(parquet.metadata.num_row_groups)]
    names = parquet.schema_arrow.names
    return {name: _known_column([group.column(place) for group in groups]) for place, name in enumerate(names)}


def _known_column(parts: list[Any]) -> Known:
    found = [part.statistics for part in parts if part.statistics is not None]
    wide = any(isinstance(end, int) and abs(end) > EXACT_INTEGERS for one in found for end in _ends(one))
    return Known(any(one.null_count for one in found), wide)


def _ends(statistics: Any) -> tuple[Any, ...]:
    return (statistics.min, statistics.max) if statistics.has_min_max else ()


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name."""
    text = str(error).strip().splitlines()
    return text[0].rstrip(".") if text else type(error).__name__
