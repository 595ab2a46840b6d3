"""An append-only spool of records in files, which outlives the process that wrote them.

A record is on its way as soon as `append` returns: the kernel has it, so a killed process loses none. Whoever writes or
reads a file holds its lock; a file that nobody has locked is ready to be delivered by any worker. What a record means
is not known here: it is some bytes, and the file holds their length and their checksum before them.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import logging
import os
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)
SEGMENT_BYTES = 16_000_000
_HEAD = struct.Struct("<II")  # length, CRC-32
_SUFFIX = ".records"


class Spool:
    """The files of one folder; several processes may use it at once."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self._most = most_bytes
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._open: int | None = None
        self._offset = 0
        self._retired: list[int] = []
        self._is_losing = False
        self._waiting = 0  # bytes of the other files, as last counted
        self.dropped = 0
        """Records that found no room, or a disk that failed."""

    @property
    def size(self) -> int:
        """About how many bytes wait to be delivered."""
        return self._waiting + self._offset

    def append(self, record: bytes) -> bool:
        """Write a record; False when the spool is full or the disk fails, and the record is lost."""
        framed = _HEAD.pack(len(record), zlib.crc32(record)) + record
        with self._lock:
            try:
                self._write(framed)
            except OSError as error:
                self._note_loss(error)
                return False
            if self._is_losing:
                self._is_losing = False
                log.warning("the spool %s takes records again; %d were lost so far", self.folder, self.dropped)
            return True

    def seal(self) -> None:
        """Close the file that is being written, on disk for good, so that it can be delivered."""
        with self._lock:
            if self._offset:
                self._retire()
            retired, self._retired = self._retired, []
        for descriptor in retired:
            try:
                os.fsync(descriptor)
            except OSError as error:  # what the disk has of it is delivered, as after a crash
                log.error("a file of the spool %s cannot be brought to disk: %s", self.folder, error)
            finally:
                os.close(descriptor)  # ends the lock
        self._count()

    @contextmanager
    def claimed(self) -> Iterator[Iterator[Path]]:
        """The sealed files, oldest first, each locked while it is looked at."""
        held: list[int] = []

        def files() -> Iterator[Path]:
            for path, _ in self._files():
                while held:
                    os.close(held.pop())
                descriptor = _locked(path)
                if descriptor is not None:
                    held.append(descriptor)
                    yield path

        try:
            yield files()
        finally:
            for descriptor in held:
                os.close(descriptor)
            self._count()

    def _count(self) -> None:
        """Count what waits anew: other workers write and deliver too."""
        found = sum(size for _, size in self._files())
        with self._lock:
            self._waiting = max(0, found - self._offset)

    def _note_loss(self, error: OSError) -> None:
        """Count a lost record; a line for each would fill a disk that is full already."""
        self.dropped += 1
        if not self._is_losing:
            self._is_losing = True
            log.error("the spool %s cannot be written, and records are lost: %s", self.folder, error)

    def _write(self, record: bytes) -> None:
        """Write to the present file. Raises OSError, and then nothing of the record is in it."""
        if self.size + len(record) > self._most:
            raise OSError(errno.ENOSPC, f"it may hold {self._most:,} bytes, and does")
        if self._open is None:
            self._open = self._create()
        written = os.write(self._open, record)
        if written < len(record):  # the disk is full: what was begun would hide what follows
            self._undo(self._open)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._offset += written
        if self._offset >= SEGMENT_BYTES:
            self._retire()

    def _undo(self, descriptor: int) -> None:
        """Take back what was begun; where even that fails, the next record goes into another file."""
        try:
            os.ftruncate(descriptor, self._offset)
        except OSError:
            self._retire()
            raise

    def _create(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A name that no other host gives either: documents are named after it.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:12]}-{next(self._numbers)}"
        hidden = self.folder / f".{name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # before it has its name: nobody may take it for a sealed one
            hidden.rename(self.folder / f"{name}{_SUFFIX}")
        except OSError:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        return descriptor

    def _retire(self) -> None:
        """Let the present file be closed later, by a thread that may wait for the disk."""
        if self._open is not None:
            self._retired.append(self._open)
            self._waiting += self._offset
        self._open, self._offset = None, 0

    def _files(self) -> list[tuple[Path, int]]:
        found = []
        for path in sorted(self.folder.glob(f"*{_SUFFIX}")):
            try:
                found.append((path, path.stat().st_size))
            except FileNotFoundError:  # another worker has delivered it
                continue
        return found


class Records:
    """The records of a file, one at a time: no file need be in memory as a whole.

    A process killed while it wrote leaves a record cut short; its request was never answered.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.unread = source.seek(0, os.SEEK_END)
        """How many bytes have not been read yet; at the end of all records: those that cannot be."""

    def __iter__(self) -> Iterator[bytes]:
        """The records in their order."""
        self._source.seek(0)
        while (record := self._next()) is not None:
            self.unread -= _HEAD.size + len(record)
            yield record

    def _next(self) -> bytes | None:
        if self.unread < _HEAD.size:
            return None
        length, checksum = _HEAD.unpack(self._source.read(_HEAD.size))
        if length > self.unread - _HEAD.size:
            return None
        record = self._source.read(length)
        return record if zlib.crc32(record) == checksum else None


def _locked(path: Path) -> int | None:
    """A descriptor that holds the file's lock, or None when another holds it or has delivered the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    except BlockingIOError:
        pass
    os.close(descriptor)
    return None
