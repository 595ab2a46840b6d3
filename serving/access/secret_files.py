"""The secrets that the service makes at its first start and keeps in files. Nothing here logs one."""

from __future__ import annotations

import secrets
from pathlib import Path

from millrace.errors import SettingsError
from millrace.secret_files import made_once

SHORTEST = 32


def new_password() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def signing_secret(home: Path, given: str | None, file: Path | None) -> str:
    """The secret that signs tokens: the given one, the file's, or one made for this installation."""
    secret = given
    if secret is None and file is not None:
        try:
            secret = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"SERVING_JWT_SECRET_FILE names {file}, which cannot be read: {error}.") from None
    if secret is None:
        secret = _own_secret(home / "secrets" / "service-jwt-secret")
    if len(secret) < SHORTEST:
        raise SettingsError(
            f"The secret that signs tokens has {len(secret)} characters; at least {SHORTEST} are needed.",
            hint="Set SERVING_JWT_SECRET to the output of: openssl rand -hex 32",
        )
    return secret


def _own_secret(path: Path) -> str:
    try:
        return made_once(path, new_password)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The secret that signs tokens cannot be kept in {path}: {error}.",
            hint="Make MILLRACE_HOME writable for the service, or set SERVING_JWT_SECRET.",
        ) from None
