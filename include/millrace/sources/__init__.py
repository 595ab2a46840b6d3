"""Where tables come from and where they go: one entry for each kind of source and of sink."""

from __future__ import annotations

from millrace.sources.base import Sink, Source

SOURCES: tuple[type[Source], ...] = ()
SINKS: tuple[type[Sink], ...] = ()
