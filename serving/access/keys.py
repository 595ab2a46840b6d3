"""The form of an API key: `mr_<id>_<secret>`. The secret is shown once; only its hash is stored.

The secret has 256 random bits, so one round of SHA-256 is enough: there is no dictionary to try.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

_FORM = re.compile(r"mr_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
PREFIX = "mr_"


@dataclass(frozen=True)
class ApiKey:
    """A key in its two parts."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"ApiKey({self.id})"  # a secret has no business in a log

    @property
    def digest(self) -> str:
        """What is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def fits(self, digest: str) -> bool:
        """Whether the stored digest is this key's, compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


def new_key() -> ApiKey:
    """A fresh key."""
    return ApiKey(secrets.token_hex(6), secrets.token_hex(32))


def read_key(text: str) -> ApiKey | None:
    """The key that the text is, or None."""
    found = _FORM.fullmatch(text)
    return ApiKey(found[1], found[2]) if found else None
