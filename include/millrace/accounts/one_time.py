"""Random secrets that are shown once and stored by their hash.

They have 256 random bits, so one round of SHA-256 is enough: there is no dictionary to try.
"""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """A fresh secret: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def digest(secret: str) -> str:
    """The stored form of a random secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
