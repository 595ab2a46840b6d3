"""A table at an HTTP address: fetched with retries, a circuit breaker, and bounds on time and size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from millrace.errors import SourceError
from millrace.sources.base import Reading, Source
from millrace.sources.masking import shown_url
from millrace.sources.options import FormatName, ReadOptions, check_options, format_of

if TYPE_CHECKING:
    import pandas as pd

_GIB = 1024**3
_CONTENT_TYPES: dict[str, FormatName] = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/json": "json",
    "application/x-ndjson": "json",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "excel",
}


class HttpSource(Source):
    """A file behind an http or https address."""

    type: Literal["http"] = "http"
    url: str = Field(description="Address of the file.")
    format: FormatName | None = Field(default=None, description="Default: by the address, else by the content type.")
    options: ReadOptions = Field(default_factory=ReadOptions, alias="read", description="How the table is written.")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Request headers, e.g. Authorization.")
    sha256: str | None = Field(default=None, description="Refuse a file whose SHA-256 is another.")
    max_bytes: int = Field(default=2 * _GIB, gt=0, description="Refuse a larger file; also after unpacking.")
    timeout: float = Field(default=60, gt=0, description="Seconds without a byte until an attempt is given up.")
    attempts: int = Field(default=4, ge=1, le=10, description="Tries, with growing pauses, when it does not answer.")

    @field_validator("url")
    @classmethod
    def _http_only(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"'{shown_url(url)}' is no http or https address.")
        return url

    @field_validator("sha256")
    @classmethod
    def _hexadecimal(cls, digest: str | None) -> str | None:
        if digest is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
            raise ValueError(f"sha256 is '{digest}'; a SHA-256 has 64 hexadecimal digits.")
        return digest.lower() if digest else None

    @model_validator(mode="after")
    def _options_fit(self) -> HttpSource:
        check_options(self.format or format_of(urlsplit(self.url).path), self.options)
        return self

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Fetch the file, then yield its rows."""
        from millrace.sources.fetching import fetched
        from millrace.sources.formats.opening import TableFile, chosen_format
        from millrace.sources.formats.reading_files import read_file

        shown = shown_url(self.url)
        with fetched(self) as file:
            self._check_sum(file.sha256, shown)
            reading.origin.update(type="http", url=shown, bytes=file.size, sha256=file.sha256)
            by_type = _CONTENT_TYPES.get(file.content_type.partition(";")[0].strip().lower())
            name = urlsplit(self.url).path
            form = chosen_format(self.format or format_of(name) or by_type, name, shown)
            yield from read_file(TableFile(file.path, shown, form, self.options), reading, self.max_bytes)

    def _check_sum(self, found: str, shown: str) -> None:
        if self.sha256 is not None and found != self.sha256:
            raise SourceError(
                f"{shown} has the SHA-256 {found}, but the spec expects {self.sha256}.",
                hint="If the file was meant to change, put its new SHA-256 into the spec; else do not trust it.",
            )
