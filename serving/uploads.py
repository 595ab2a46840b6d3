"""Takes a large body to disk as it arrives, a bounded number at a time: no upload is ever in memory as a whole.

The file has no name, so nothing is left behind, however the process ends.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from starlette.requests import ClientDisconnect, Request

from millrace.errors import StorageError
from serving.failures import MalformedBodyError, OverloadedError, SlowBodyError, TooLargeError

WRITTEN_AT_ONCE = 1_000_000


class Uploads:
    """The uploads of one worker."""

    def __init__(self, folder: Path, *, most: int, most_bytes: int, seconds: float) -> None:
        self._folder = folder
        self._most = most
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._present = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Room for one upload until its answer is complete. Raises OverloadedError at once where there is none."""
        if self._present >= self._most:
            raise OverloadedError(
                f"{self._present} files are under way already, which is the most at a time.",
                hint="Try again later, or raise SERVING_FILES.",
            )
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1

    async def receive(self, request: Request) -> IO[bytes]:
        """The body as a file. Raises TooLargeError, SlowBodyError, MalformedBodyError or StorageError."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._most_bytes:
            raise self._too_large()
        file = self._opened()
        try:
            async with asyncio.timeout(self._seconds):
                await self._fill(file, request)
        except TimeoutError:
            file.close()
            raise SlowBodyError(
                f"The file did not arrive within {self._seconds:g} seconds.",
                hint="Send it again in parts, or raise SERVING_FILE_SECONDS.",
            ) from None
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def _opened(self) -> IO[bytes]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return tempfile.TemporaryFile(dir=self._folder)
        except OSError as error:
            raise _full(error) from error

    async def _fill(self, file: IO[bytes], request: Request) -> None:
        waiting, arrived = bytearray(), 0
        try:
            async for piece in request.stream():
                waiting += piece
                arrived += len(piece)
                if arrived > self._most_bytes:
                    raise self._too_large()
                if len(waiting) >= WRITTEN_AT_ONCE:
                    await asyncio.to_thread(file.write, waiting)
                    waiting = bytearray()
            await asyncio.to_thread(file.write, waiting)
        except ClientDisconnect:
            raise MalformedBodyError("The connection closed before the whole file had arrived.") from None
        except OSError as error:
            raise _full(error) from error
        if arrived == 0:
            raise MalformedBodyError("The body is empty.", hint="Send a table.")

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The file is larger than {self._most_bytes:,} bytes.",
            hint="Send it in parts, or raise SERVING_FILE_BYTES.",
        )


def _full(error: OSError) -> StorageError:
    return StorageError(
        f"The service cannot keep the file on its disk: {error.strerror}.", hint="Make room in MILLRACE_HOME."
    )
