"""Keeps secrets out of everything that a person or a log may see: addresses are shown without their credentials."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from millrace.revealed import hidden

_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/@:]*)(?::(?P<password>[^\s/@]*))?@")
_SECRET_PARAMETER = re.compile(r"(?i)\b(password|passwd|pwd|token|secret|api_?key|signature|sig)=([^\s&;,'\"]+)")


def masked(text: str) -> str:
    """The text with passwords of addresses, values of secret parameters, and what was decrypted, written as `***`."""
    text = hidden(text)
    text = _CREDENTIALS.sub(lambda m: f"{m['scheme']}{m['user']}{':***' if m['password'] else ''}@", text)
    return _SECRET_PARAMETER.sub(lambda m: f"{m[1]}=***", text)


def shown_url(url: str) -> str:
    """An address for people: no password, no query (which may carry a token)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first line of an error, masked, short and without a full stop, to stand inside a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = masked(lines[0].strip())
    return (text if len(text) <= limit else f"{text[: limit - 1]}…").rstrip(".")
