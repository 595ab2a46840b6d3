"""Makes the first admin when there is no user at all; the password is in a file, and the log tells its path only."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from millrace.accounts.users import new_user
from millrace.errors import ConflictError, StorageError
from millrace.secret_files import made_once
from millrace.stores.accounts import MongoAccounts
from serving.access.audit import Audit
from serving.access.secret_files import new_password

log = logging.getLogger(__name__)
NAME = "admin"
_AGAIN_SECONDS = 5.0


def make_first_admin(accounts: MongoAccounts, audit: Audit, home: Path) -> bool:
    """Make the admin unless there is a user; whether this call made it."""
    if accounts.has_users():
        return False
    file = home / "service-admin-password"
    user = new_user(NAME, "admin", made_once(file, new_password))
    try:
        accounts.create_user(user)
    except ConflictError:
        return False  # another worker was first
    audit.own("user.create", f"user:{NAME}", after={"role": "admin"})
    log.warning("the user '%s' was made; its password is in %s", NAME, file)
    return True


async def keep_trying(accounts: MongoAccounts, audit: Audit, home: Path) -> None:
    """Make the first admin as soon as MongoDB answers."""
    while True:
        try:
            await asyncio.to_thread(make_first_admin, accounts, audit, home)
        except StorageError:
            await asyncio.sleep(_AGAIN_SECONDS)
        except Exception:
            log.exception("the first admin cannot be made")
            return
        else:
            return
