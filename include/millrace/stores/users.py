"""Users on MongoDB, of whom one is always an admin. Only hashes of passwords come here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from millrace.errors import ConflictError, NotFoundError
from millrace.stores.mongo import Document, MongoStore, explained

ADMIN: Document = {"role": "admin", "disabled": False}
_NO_ADMIN: Document = {"$or": [{"role": {"$ne": "admin"}}, {"disabled": True}]}
_LEAVING_SECONDS = 60
_NO_SECRETS = {"password_hash": 0, "leaving": 0}


class MongoUsers(MongoStore):
    """The users of one installation."""

    @explained
    def create_user(self, user: Document) -> None:
        """Insert a user (`_id` is the name). Raises ConflictError when the name is taken."""
        from pymongo.errors import DuplicateKeyError

        try:
            self.collection("users").insert_one(dict(user))
        except DuplicateKeyError:
            raise ConflictError(f"There is a user '{user['_id']}' already.", hint="Choose another name.") from None

    @explained
    def has_users(self) -> bool:
        """Whether there is any user."""
        return self.collection("users").find_one({}, {"_id": 1}) is not None

    @explained
    def user(self, name: str) -> Document | None:
        """A user with the hash of the password, or None."""
        return self.collection("users").find_one({"_id": name})

    @explained
    def users(self, limit: int, after: str = "") -> list[Document]:
        """Users by name, those after `after`, without their hashes."""
        return list(self.collection("users").find({"_id": {"$gt": after}}, _NO_SECRETS).sort("_id", 1).limit(limit))

    @explained
    def change_user(self, name: str, values: Document) -> None:
        """Set fields of a user. Raises NotFoundError, and ConflictError where no admin would be left."""
        users = self.collection("users")
        if not _takes_admin_away(values):
            stays: Document = {"$unset": {"leaving": ""}} if {"role", "disabled"} & values.keys() else {}
            if not users.update_one({"_id": name}, {"$set": values, **stays}).matched_count:
                raise no_such_user(name)
        elif not users.update_one({"_id": name, **_NO_ADMIN}, {"$set": values}).matched_count:
            change = {"$set": values, "$unset": {"leaving": ""}}
            self._leave(name, lambda mine: users.update_one(mine, change).matched_count)

    @explained
    def remove_user(self, name: str) -> None:
        """Remove a user. Raises NotFoundError, and ConflictError where no admin would be left."""
        users = self.collection("users")
        if not users.delete_one({"_id": name, **_NO_ADMIN}).deleted_count:
            self._leave(name, lambda mine: users.delete_one(mine).deleted_count)

    def _leave(self, name: str, leave: Callable[[Document], int]) -> None:
        """Let an admin go when another one stays.

        An admin who leaves is marked first and does not count for others who leave, so of two who leave at once at
        least one sees that nobody else stays. `leave` acts only on its own mark: a mark that was taken for old, or
        an admin who was made one again meanwhile, ends the attempt. Each step is one write to one document, and none
        relies on clocks for more than how soon an abandoned mark is forgotten.
        """
        users, moment = self.collection("users"), datetime.now(UTC)
        mine: Document = {"_id": name, "leaving.token": uuid.uuid4().hex}
        mark = {"leaving": {"token": mine["leaving.token"], "at": moment}}
        if not users.update_one({"_id": name, **ADMIN}, {"$set": mark}).matched_count:
            raise no_such_user(name)
        abandoned = {"leaving.at": {"$lt": moment - timedelta(seconds=_LEAVING_SECONDS)}}
        users.update_many(abandoned, {"$unset": {"leaving": ""}})
        if users.find_one({"_id": {"$ne": name}, **ADMIN, "leaving": None}, {"_id": 1}) is None:
            users.update_one(mine, {"$unset": {"leaving": ""}})
            raise ConflictError(f"{name} is the only admin who stays.", hint="Make another admin first.")
        if not leave(mine):
            raise ConflictError(f"The user {name} was changed by somebody else just now.", hint="Look again.")


def _takes_admin_away(values: Document) -> bool:
    return values.get("role", "admin") != "admin" or bool(values.get("disabled"))


def no_such_user(name: str) -> NotFoundError:
    """What is said where a user does not exist."""
    return NotFoundError(f"There is no user '{name}'.", hint="'millrace users list' and GET /api/v1/users list them.")
