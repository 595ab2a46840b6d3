"""Users and API keys on MongoDB. Only hashes of secrets come here; what they are worth is not judged here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.errors import ConflictError, NotFoundError
from millrace.stores.account_sessions import MongoSessions
from millrace.stores.mongo import Document, explained

_USED_EVERY = timedelta(minutes=1)
_NO_SECRETS = {"password_hash": 0, "hash": 0}


class MongoAccounts(MongoSessions):
    """The accounts of one installation."""

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
        """Set fields of a user. Raises NotFoundError."""
        if not self.collection("users").update_one({"_id": name}, {"$set": values}).matched_count:
            raise no_such_user(name)

    @explained
    def delete_user(self, name: str) -> None:
        """Remove a user with all keys and sessions. Raises NotFoundError."""
        if not self.collection("users").delete_one({"_id": name}).deleted_count:
            raise no_such_user(name)
        self.end_sessions(name)
        revoked = {"$set": {"revoked_at": datetime.now(UTC)}}
        self.collection("api_keys").update_many({"owner": name, "revoked_at": None}, revoked)

    @explained
    def other_admins(self, name: str) -> bool:
        """Whether another enabled admin is there."""
        wanted: Document = {"role": "admin", "disabled": False, "_id": {"$ne": name}}
        return self.collection("users").find_one(wanted, {"_id": 1}) is not None

    @explained
    def add_key(self, key: Document) -> None:
        """Insert a key (`_id` is its id)."""
        self.collection("api_keys").insert_one(dict(key))

    @explained
    def key_with_owner(self, key_id: str) -> tuple[Document, Document] | None:
        """A key with its hash, and its owner; None where either is missing. Notes that it was used, lazily."""
        key = self.collection("api_keys").find_one({"_id": key_id})
        owner = self.user(key["owner"]) if key else None
        if key is None or owner is None:
            return None
        return key, owner

    @explained
    def note_key_use(self, key: Document) -> None:
        """Note when a key was used last; at most once a minute."""
        moment = datetime.now(UTC)
        last = key.get("last_used_at")
        if last is None or moment - last > _USED_EVERY:
            self.collection("api_keys").update_one({"_id": key["_id"]}, {"$set": {"last_used_at": moment}})

    @explained
    def key(self, key_id: str) -> Document:
        """A key without its hash. Raises NotFoundError."""
        key = self.collection("api_keys").find_one({"_id": key_id}, _NO_SECRETS)
        if key is None:
            raise NotFoundError(f"There is no key '{key_id}'.", hint="GET /api/v1/keys lists them.")
        return key

    @explained
    def keys(self, owner: str | None, limit: int) -> list[Document]:
        """The newest keys of a user, or of all, without their hashes."""
        wanted: dict[str, Any] = {} if owner is None else {"owner": owner}
        return list(self.collection("api_keys").find(wanted, _NO_SECRETS).sort("created_at", -1).limit(limit))

    @explained
    def revoke_key(self, key_id: str) -> None:
        """End a key; one that has ended stays as it is."""
        ended = {"$set": {"revoked_at": datetime.now(UTC)}}
        self.collection("api_keys").update_one({"_id": key_id, "revoked_at": None}, ended)


def no_such_user(name: str) -> NotFoundError:
    """What is said where a user does not exist."""
    return NotFoundError(f"There is no user '{name}'.", hint="GET /api/v1/users lists them.")
