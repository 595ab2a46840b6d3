"""API keys on MongoDB, beside users and their sessions: by their hashes only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.errors import NotFoundError
from millrace.stores.account_sessions import MongoSessions
from millrace.stores.mongo import Document, explained
from millrace.stores.users import MongoUsers

_USED_EVERY = timedelta(minutes=1)
_NO_HASH = {"hash": 0}


class MongoAccounts(MongoUsers, MongoSessions):
    """The accounts of one installation."""

    @explained
    def delete_user(self, name: str) -> None:
        """Remove a user with all keys and sessions. Raises NotFoundError, and ConflictError for the last admin."""
        self.remove_user(name)
        self.end_sessions(name)
        revoked = {"$set": {"revoked_at": datetime.now(UTC)}}
        self.collection("api_keys").update_many({"owner": name, "revoked_at": None}, revoked)

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
        key = self.collection("api_keys").find_one({"_id": key_id}, _NO_HASH)
        if key is None:
            hint = "'millrace keys list' and GET /api/v1/keys list them."
            raise NotFoundError(f"There is no key '{key_id}'.", hint=hint)
        return key

    @explained
    def keys(self, owner: str | None, limit: int, before: datetime | None = None) -> list[Document]:
        """The newest keys of a user, or of all, made before a moment, without their hashes."""
        wanted: dict[str, Any] = {} if owner is None else {"owner": owner}
        if before is not None:
            wanted["created_at"] = {"$lt": before}
        return list(self.collection("api_keys").find(wanted, _NO_HASH).sort("created_at", -1).limit(limit))

    @explained
    def revoke_key(self, key_id: str) -> None:
        """End a key; one that has ended stays as it is."""
        ended = {"$set": {"revoked_at": datetime.now(UTC)}}
        self.collection("api_keys").update_one({"_id": key_id, "revoked_at": None}, ended)
