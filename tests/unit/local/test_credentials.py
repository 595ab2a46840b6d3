"""The stack's secrets: made once, never readable by others."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from millrace.errors import StackError
from millrace.local.credentials import airflow_passwords_file, credentials, credentials_file
from millrace.local.private_files import write_private


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = credentials(home, "admin")
    assert credentials(home, "admin") == first
    assert len(first.jwt_secret) >= 64
    assert len(base64.urlsafe_b64decode(first.fernet_key)) == 32
    for file in (credentials_file(home), airflow_passwords_file(home)):
        assert file.stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o077 == 0


def test_two_homes_share_no_secret(tmp_path: Path) -> None:
    one, two = (credentials(tmp_path / name, "admin") for name in "ab")
    assert not set(one.model_dump().values()) & set(two.model_dump().values())


def test_airflows_password_file_follows(tmp_path: Path) -> None:
    secrets = credentials(tmp_path, "admin")
    airflow_passwords_file(tmp_path).write_text("{}")
    credentials(tmp_path, "someone")
    assert json.loads(airflow_passwords_file(tmp_path).read_text()) == {"someone": secrets.admin_password}


@pytest.mark.parametrize("text", ["", "not json", '{"jwt_secret": "x"}'])
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, text: str) -> None:
    write_private(credentials_file(tmp_path), text)
    with pytest.raises(StackError, match=r"credentials\.json"):
        credentials(tmp_path, "admin")
    assert credentials_file(tmp_path).read_text() == text


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    write_private(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "\udcff")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
