"""A table in an S3 object, or in all objects under a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from millrace.errors import SourceError
from millrace.sources.base import Reading, Source
from millrace.sources.options import FormatName, ReadOptions, check_options, format_of
from millrace.sources.s3_access import S3Access

if TYPE_CHECKING:
    import pandas as pd

    from millrace.sources.s3_files import S3Object


class S3Source(Source, S3Access):
    """An object, or a prefix that ends with `/` and whose objects are read in the order of their keys."""

    type: Literal["s3"] = "s3"
    uri: str = Field(description="s3://bucket/key, or s3://bucket/prefix/ for all objects under it.")
    format: FormatName | None = Field(default=None, description="Default: by the key's extension.")
    options: ReadOptions = Field(default_factory=ReadOptions, alias="read", description="How the table is written.")

    @model_validator(mode="after")
    def _options_fit(self) -> S3Source:
        check_options(self.format or format_of(self.uri), self.options)
        return self

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Fetch the objects, then yield their rows."""
        from millrace.sources.s3_files import downloaded, origin_of

        client = self.client()
        objects = self._objects()
        reading.origin.update(origin_of(objects))
        with downloaded(client, objects) as paths:
            yield from read_objects(objects, [str(path) for path in paths], self.format, self.options, reading)

    def _objects(self) -> list[S3Object]:
        from millrace.sources.s3_files import find, listing, split_uri

        bucket, key = split_uri(self.uri)
        if key and not key.endswith("/"):
            return [find(self.client(), bucket, key)]
        found = [item for item in listing(self.client(), bucket, key) if self.format or format_of(item.key)]
        if not found:
            raise SourceError(
                f"There is no table under {self.uri}.", hint="Check the prefix, or name the format of its objects."
            )
        return found


def read_objects(
    objects: list[S3Object], paths: list[str], form: FormatName | None, options: ReadOptions, reading: Reading
) -> Iterator[pd.DataFrame]:
    """Yield the rows of objects that were fetched to local files."""
    from pathlib import Path

    from millrace.sources.formats.opening import TableFile, chosen_format
    from millrace.sources.formats.reading_files import read_files

    files = [
        TableFile(Path(path), item.uri, chosen_format(form, item.key, item.uri), options)
        for item, path in zip(objects, paths, strict=True)
    ]
    yield from read_files(files, reading)
