"""Secrets that the service makes at its first start and keeps in files of mode 600. Nothing here logs one."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from millrace.errors import SettingsError

SHORTEST = 32


def made_once(path: Path) -> str:
    """The secret in the file; it is made when the file is absent. Several workers at once agree on one."""
    if not path.exists():
        _make(path)
    return path.read_text("utf-8").strip()


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
        return made_once(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The secret that signs tokens cannot be kept in {path}: {error}.",
            hint="Make MILLRACE_HOME writable for the service, or set SERVING_JWT_SECRET.",
        ) from None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where another worker was first: its secret is the one
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)
