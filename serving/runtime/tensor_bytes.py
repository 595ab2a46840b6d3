"""Tensors as the protocol's binary extension carries them: numbers little-endian, texts each behind its length."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from millrace.errors import RequestError

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
"""The datatypes of numbers."""
_LENGTH = struct.Struct("<I")


class Reader:
    """Takes one tensor after the other from the bytes behind the JSON."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    def values(self, name: str, datatype: str, size: Any) -> list[Any] | np.ndarray[Any, Any]:
        """The next tensor's values. Raises RequestError that names the input."""
        left = len(self._content) - self._place
        if type(size) is not int or not 0 <= size <= left:
            raise RequestError(
                f"The input '{name}' has the binary_data_size {size!r:.40}, but {left} bytes are left.",
                hint="Send Inference-Header-Content-Length, and behind the JSON the inputs' bytes in their order.",
            )
        content = self._content[self._place : self._place + size]
        self._place += size
        if datatype == "BYTES":
            return _texts(name, content)
        dtype = DTYPES[datatype]
        if size % dtype.itemsize:
            raise RequestError(f"The input '{name}' has {size} bytes, which are no whole number of {datatype}.")
        if datatype == "BOOL" and content.strip(b"\0\1"):
            raise RequestError(f"The input '{name}' has a byte that is neither 0 nor 1.")
        return np.frombuffer(content, dtype)

    def end(self) -> None:
        """Raise RequestError where bytes are left."""
        left = len(self._content) - self._place
        if left:
            raise RequestError(f"{left} bytes behind the JSON belong to no input.", hint="Check binary_data_size.")


def _texts(name: str, content: bytes) -> list[str]:
    found: list[str] = []
    place = 0
    while place < len(content):
        start = place + _LENGTH.size
        (length,) = _LENGTH.unpack_from(content, place) if start <= len(content) else (len(content),)
        if start + length > len(content):
            raise RequestError(f"The input '{name}' ends within its text {len(found)} (counted from 0).")
        try:
            found.append(content[start : start + length].decode("utf-8"))
        except UnicodeDecodeError:
            raise RequestError(f"The input '{name}' has a text {len(found)} that is not UTF-8.") from None
        place = start + length
    return found


def as_bytes(datatype: str, data: list[Any]) -> bytes:
    """An output's values as bytes."""
    if datatype != "BYTES":
        return np.array(data, DTYPES[datatype]).tobytes()
    texts = [str(value).encode("utf-8", "replace") for value in data]
    return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
