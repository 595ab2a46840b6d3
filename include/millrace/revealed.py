"""Remembers the secrets that this process has decrypted, so that no text for people or logs shows one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

_SHORTEST = 4
"""A shorter secret stands in too many words to be looked for."""
_revealed: set[str] = set()


def reveal(secret: str) -> str:
    """The secret, which `hidden` knows from now on, also as it stands in an address."""
    _revealed.update(form for form in (secret, quote(secret, safe=""), quote(secret)) if len(form) >= _SHORTEST)
    return secret


def hidden(text: str) -> str:
    """The text with every secret that was revealed written as `***`; the longest first."""
    for secret in sorted(_revealed, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, "***")
    return text


def hidden_in(value: Any) -> Any:
    """Plain JSON with the same done to each text in it."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, dict):
        return {key: hidden_in(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [hidden_in(part) for part in value]
    return value
