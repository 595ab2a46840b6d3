"""The secrets of one embedded stack: made once, at the first start, and kept in files of mode 600.

Nothing here starts anything, and no secret has a default.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from millrace.errors import StackError
from millrace.local.private_files import write_private
from millrace.strict import StrictModel


class Credentials(StrictModel):
    """What the stack's programs share; Airflow's processes must agree on the first three."""

    jwt_secret: str
    fernet_key: str
    secret_key: str
    admin_password: str


def credentials_file(home: Path) -> Path:
    """Where the secrets of this stack are."""
    return home / "secrets" / "credentials.json"


def airflow_passwords_file(home: Path) -> Path:
    """The file in which Airflow's SimpleAuthManager looks up its users' passwords."""
    return home / "secrets" / "airflow-passwords.json"


def credentials(home: Path, username: str) -> Credentials:
    """The stack's secrets, generated when this is its first start; Airflow's password file is kept in step."""
    path = credentials_file(home)
    if path.exists():
        kept = _read(path)
    else:
        kept = _generate()
        write_private(path, kept.model_dump_json(indent=1))
    passwords = json.dumps({username: kept.admin_password}) + "\n"
    file = airflow_passwords_file(home)
    if not file.exists() or file.read_text() != passwords:
        write_private(file, passwords)
    return kept


def _generate() -> Credentials:
    return Credentials(
        jwt_secret=secrets.token_hex(32),
        fernet_key=base64.urlsafe_b64encode(os.urandom(32)).decode(),
        secret_key=secrets.token_hex(32),
        admin_password=secrets.token_urlsafe(18),
    )


def _read(path: Path) -> Credentials:
    try:
        return Credentials.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StackError(
            f"{path} does not hold the stack's secrets.",
            hint="Restore the file, or stop the stack and remove it; new secrets are then made at the next start.",
        ) from error
