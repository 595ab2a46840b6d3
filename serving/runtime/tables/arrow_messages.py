"""Looks through an Arrow stream before anything of it is unpacked: no batch may ask for more memory than is given.

A compressed buffer states its real length in its first bytes, and a few of them can stand for gigabytes. The places of
the buffers stand in the message's description, a flatbuffer (`Message.fbs` of the Arrow format), which pyarrow checks.
"""

from __future__ import annotations

import struct
from typing import IO, Any

from serving.failures import TooLargeError

LARGEST_BATCH = 256_000_000
"""Bytes of one batch in memory: some hundred thousand rows of a wide table."""
_HEADER, _DICTIONARY_DATA, _BUFFERS, _COMPRESSION = 2, 1, 2, 3


def check_batches(source: IO[bytes]) -> None:
    """Read the messages from here on. Raises TooLargeError, or pyarrow's errors for what is no Arrow stream."""
    import pyarrow as pa

    reader = pa.ipc.MessageReader.open_stream(source)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        if message.type in {"record batch", "dictionary"} and _bytes(message) > LARGEST_BATCH:
            raise TooLargeError(
                f"An Arrow batch takes {_bytes(message):,} bytes; at most {LARGEST_BATCH:,} are unpacked at a time.",
                hint="Write the table in smaller batches.",
            )


def _bytes(message: Any) -> int:
    """What a message's buffers take when they are unpacked."""
    described, body = memoryview(message.metadata), memoryview(message.body)
    (root,) = struct.unpack_from("<I", described, 0)
    batch = _follow(described, _field(described, root, _HEADER))
    if message.type == "dictionary":
        batch = _follow(described, _field(described, batch, _DICTIONARY_DATA))
    buffers, compression = _field(described, batch, _BUFFERS), _field(described, batch, _COMPRESSION)
    if buffers == 0 or compression == 0:
        return len(body)
    vector = _follow(described, buffers)
    (count,) = struct.unpack_from("<I", described, vector)
    total = 0
    for place in range(count):
        offset, length = struct.unpack_from("<qq", described, vector + 4 + 16 * place)
        stated = struct.unpack_from("<q", body, offset)[0] if length >= 8 else 0
        total += stated if stated >= 0 else length  # -1: this buffer is not compressed
    return total


def _field(described: memoryview, table: int, number: int) -> int:
    """Where a table's field stands; 0 where it has none."""
    (back,) = struct.unpack_from("<i", described, table)
    vtable, slot = table - back, 4 + 2 * number
    (size,) = struct.unpack_from("<H", described, vtable)
    (offset,) = struct.unpack_from("<H", described, vtable + slot) if slot < size else (0,)
    return table + offset if offset else 0


def _follow(described: memoryview, place: int) -> int:
    return int(place + struct.unpack_from("<I", described, place)[0])
