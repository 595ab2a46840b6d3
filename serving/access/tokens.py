"""Tokens of signed-in users: a signed access token for minutes, a refresh token that is used once.

An access token names its user and its session; whether these still count is asked elsewhere.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt

from millrace.accounts.one_time import digest, new_secret

ISSUER = "millrace"
TICKET_SECONDS = 3600
_ALGORITHM = "HS256"
_REFRESH = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class AccessToken:
    """What a valid access token says."""

    user: str
    session: str
    expires: float


class AccessTokens:
    """Makes and reads access tokens with one secret."""

    def __init__(self, secret: str, seconds: float) -> None:
        self._secret = secret
        self.seconds = seconds

    def make(self, user: str, session: str) -> str:
        """A token for a user's session, valid from now on."""
        moment = time.time()
        claims = {"iss": ISSUER, "typ": "access", "sub": user, "sid": session}
        return jwt.encode({**claims, "iat": moment, "exp": moment + self.seconds}, self._secret, _ALGORITHM)

    def read(self, text: str) -> AccessToken | None:
        """What the token says, or None where it is forged, expired, or no token at all."""
        claims = self._claims(text, "access")
        if claims is None or not isinstance(claims.get("sid"), str):
            return None
        return AccessToken(str(claims["sub"]), claims["sid"], float(claims["exp"]))

    def make_ticket(self, subject: str) -> str:
        """What opens the files of a run, or of checks, for an hour, where a browser can send no token: in new tabs."""
        moment = time.time()
        claims = {"iss": ISSUER, "typ": "ticket", "sub": subject, "iat": moment, "exp": moment + TICKET_SECONDS}
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read_ticket(self, text: str) -> str | None:
        """Whose files the ticket opens: a run, or what a route says; None where it does not count."""
        claims = self._claims(text, "ticket")
        return None if claims is None else str(claims["sub"])

    def _claims(self, text: str, kind: str) -> dict[str, Any] | None:
        # Not by `iat`: a token that another host just made may be from the future by the clock of this one.
        options: Any = {"require": ["exp", "iat", "sub"], "verify_iat": False}
        try:
            claims: dict[str, Any] = jwt.decode(text, self._secret, [_ALGORITHM], issuer=ISSUER, options=options)
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return None
        return claims if claims.get("typ") == kind else None


@dataclass(frozen=True)
class RefreshToken:
    """`<session>.<secret>`: stored by the hash of the secret, and good for one use."""

    session: str
    secret: str

    def __str__(self) -> str:
        return f"{self.session}.{self.secret}"

    def __repr__(self) -> str:
        return f"RefreshToken({self.session[:6]})"

    @property
    def digest(self) -> str:
        """What is stored of the secret."""
        return digest(self.secret)


def new_refresh_token(session: str | None = None) -> RefreshToken:
    """A fresh token, of a new session or of one that goes on."""
    return RefreshToken(session or secrets.token_hex(16), new_secret())


def read_refresh_token(text: str) -> RefreshToken | None:
    """The token that the text is, or None."""
    found = _REFRESH.fullmatch(text)
    return RefreshToken(found[1], found[2]) if found else None
