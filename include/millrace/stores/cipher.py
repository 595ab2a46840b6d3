"""Encrypts what must be read again later, with Fernet: the first key encrypts, every key decrypts.

The keys are MILLRACE_CREDENTIAL_KEYS, or the lines of MILLRACE_CREDENTIAL_KEYS_FILE, or those of a file in
MILLRACE_HOME that is made when it is first needed. They are read anew at each use, so that a rotation needs no restart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from millrace.errors import SettingsError
from millrace.secret_files import made_once, replace_secret
from millrace.settings import Settings


class Cipher:
    """Some keys, the newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SettingsError(
                "A key for stored credentials is none, or there is none at all.",
                hint="A key is 32 bytes in URL-safe base64, as 'openssl rand -base64 32 | tr +/ -_' makes them.",
            ) from None
        self.key_id = key_id(keys[0])

    def encrypt(self, text: str) -> str:
        """The text under the first key."""
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str | None:
        """What was encrypted; None where no key fits, or where it was tampered with."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken:
            return None

    def rotated(self, token: str) -> str | None:
        """The same under the first key; None where no key fits."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            return None


def key_id(key: str) -> str:
    """By what a key is named; it tells nothing of the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def own_keys_file(settings: Settings) -> Path:
    """Where the keys are that Millrace makes itself."""
    return settings.millrace_home / "secrets" / "credential-keys"


def cipher(settings: Settings) -> Cipher:
    """The keys in force. Raises SettingsError."""
    return Cipher(_keys(settings))


def add_key(settings: Settings) -> Path:
    """Put a new key before those that Millrace made itself; the file. Raises SettingsError where the keys are set."""
    if settings.millrace_credential_keys is not None or settings.millrace_credential_keys_file is not None:
        raise SettingsError(
            "The keys for stored credentials are set by MILLRACE_CREDENTIAL_KEYS or its _FILE.",
            hint="Put the new key before the others there, then rotate without --new-key.",
        )
    file = own_keys_file(settings)
    try:
        replace_secret(file, "\n".join([_new_key(), *_keys(settings)]) + "\n")
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error}.") from None
    return file


def _keys(settings: Settings) -> list[str]:
    given, file = settings.millrace_credential_keys, settings.millrace_credential_keys_file
    if given is not None:
        return [key.strip() for key in given.get_secret_value().split(",") if key.strip()]
    try:
        text = file.read_text("utf-8") if file is not None else made_once(own_keys_file(settings), _new_key)
    except (OSError, UnicodeDecodeError) as error:
        where = f"MILLRACE_CREDENTIAL_KEYS_FILE names {file}" if file is not None else str(own_keys_file(settings))
        raise SettingsError(f"The keys for stored credentials cannot be read ({where}): {error}.") from None
    return text.split()


def _new_key() -> str:
    return Fernet.generate_key().decode()
