"""A table that somebody uploaded: it lies in the platform's bucket under `uploads/`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from millrace.connections import s3_client
from millrace.errors import SourceError
from millrace.settings import get_settings
from millrace.sources.base import Reading, Source
from millrace.sources.options import FormatName, ReadOptions, check_options, format_of
from millrace.sources.s3 import read_objects

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.s3_files import S3Object

FOLDER = "uploads/"


class UploadSource(Source):
    """`name` is an uploaded file, or a folder of uploads of which the newest is read."""

    type: Literal["upload"] = "upload"
    name: str = Field(min_length=1, description="File under uploads/, or a folder there: its newest file is read.")
    format: FormatName | None = Field(default=None, description="Default: by the file's extension.")
    options: ReadOptions = Field(default_factory=ReadOptions, alias="read", description="How the table is written.")

    @model_validator(mode="after")
    def _options_fit(self) -> UploadSource:
        check_options(self.format or format_of(self.name), self.options)
        return self

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Fetch the upload, then yield its rows."""
        from millrace.sources.s3_files import downloaded, origin_of

        item = self._object()
        reading.origin.update(origin_of([item]), type="upload")
        with downloaded(s3_client(get_settings()), [item]) as paths:
            yield from read_objects([item], [str(paths[0])], self.format, self.options, reading)

    def _object(self) -> S3Object:
        from millrace.sources.s3_files import listing

        settings = get_settings()
        key = FOLDER + self.name.strip("/")
        found = listing(s3_client(settings), settings.s3_bucket, key)
        exact = [item for item in found if item.key == key]
        inside = [item for item in found if item.key.startswith(f"{key}/")]
        if exact or inside:
            return exact[0] if exact else max(inside, key=lambda item: (item.modified, item.key))
        others = listing(s3_client(settings), settings.s3_bucket, FOLDER)
        names = ", ".join(item.key.removeprefix(FOLDER) for item in others[:10])
        raise SourceError(
            f"Nothing named '{self.name}' was uploaded.",
            hint=f"There is: {names}." if names else f"Put a file under s3://{settings.s3_bucket}/{FOLDER}.",
        )
