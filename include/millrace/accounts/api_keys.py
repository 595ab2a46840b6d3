"""The form of an API key: `mr_<id>_<secret>`. The secret is shown once; only its hash is stored."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass

from millrace.accounts.one_time import digest, new_secret

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
        return digest(self.secret)

    def fits(self, stored: str) -> bool:
        """Whether the stored digest is this key's, compared in constant time."""
        return hmac.compare_digest(self.digest, stored)


def new_key() -> ApiKey:
    """A fresh key."""
    return ApiKey(secrets.token_hex(6), new_secret())


def read_key(text: str) -> ApiKey | None:
    """The key that the text is, or None."""
    found = _FORM.fullmatch(text)
    return ApiKey(found[1], found[2]) if found else None
