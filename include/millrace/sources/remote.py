"""The sources that are not a local file, any of which may stand in for one that is not there."""

from __future__ import annotations

from millrace.sources.base import Source
from millrace.sources.http import HttpSource
from millrace.sources.mongodb import MongoDbSource
from millrace.sources.s3 import S3Source
from millrace.sources.sample import SampleSource
from millrace.sources.sql import SqlSource
from millrace.sources.upload import UploadSource

REMOTE_SOURCES: tuple[type[Source], ...] = (HttpSource, S3Source, SqlSource, MongoDbSource, UploadSource, SampleSource)
