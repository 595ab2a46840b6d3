"""Where tables come from and where they go: one entry for each kind of source and of sink."""

from __future__ import annotations

from millrace.sources.base import Sink, Source
from millrace.sources.file import FileSource
from millrace.sources.remote import REMOTE_SOURCES
from millrace.sources.sinks.file import FileSink
from millrace.sources.sinks.mongodb import MongoDbSink
from millrace.sources.sinks.s3 import S3Sink
from millrace.sources.sinks.sql import SqlSink

SOURCES: tuple[type[Source], ...] = (FileSource, *REMOTE_SOURCES)
SINKS: tuple[type[Sink], ...] = (FileSink, S3Sink, SqlSink, MongoDbSink)
