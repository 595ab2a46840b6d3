"""Sessions, reset tokens and failed logins on MongoDB: what comes and goes around an account.

Each step that must happen once is one conditional write, so that two callers at once cannot both succeed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from millrace.stores.mongo import Document, MongoStore, explained

_FAILURES_KEPT = timedelta(hours=1)
_TURNS = 20


class MongoSessions(MongoStore):
    """The sessions of one installation."""

    @explained
    def open_session(self, session: str, user: str, digest: str, expires: datetime) -> None:
        """Begin a session whose refresh token has this digest."""
        document = {"user": user, "current": digest, "created_at": datetime.now(UTC)}
        self.collection("sessions").insert_one(
            {"_id": session, **document, "expires_at": expires, "revoked_at": None, "reused_at": None}
        )

    @explained
    def turn_session(self, session: str, old: str, new: str, expires: datetime) -> Document | None:
        """Put a new refresh token in the place of the old one; None where the old one is not the present one."""
        now = datetime.now(UTC)
        wanted = {"_id": session, "current": old, "revoked_at": None, "expires_at": {"$gt": now}}
        return self.collection("sessions").find_one_and_update(
            wanted, {"$set": {"current": new, "expires_at": expires, "turned_at": now}}
        )

    @explained
    def revoke_if_reused(self, session: str) -> Document | None:
        """End a living session because an old refresh token of it came again; the session if it lived until now."""
        now = datetime.now(UTC)
        wanted = {"_id": session, "revoked_at": None, "expires_at": {"$gt": now}}
        return self.collection("sessions").find_one_and_update(wanted, {"$set": {"revoked_at": now, "reused_at": now}})

    @explained
    def session_with_user(self, session: str) -> tuple[Document, Document] | None:
        """A session that lives, and its user; None where either is missing or ended."""
        wanted = {"_id": session, "revoked_at": None, "expires_at": {"$gt": datetime.now(UTC)}}
        found = self.collection("sessions").find_one(wanted)
        user = self.collection("users").find_one({"_id": found["user"]}) if found else None
        return (found, user) if found and user else None

    @explained
    def end_session(self, session: str) -> None:
        """End one session."""
        self.collection("sessions").update_one({"_id": session}, {"$set": {"revoked_at": datetime.now(UTC)}})

    @explained
    def end_sessions(self, user: str) -> None:
        """End all sessions of a user, and what reset tokens are out."""
        ended = {"$set": {"revoked_at": datetime.now(UTC)}}
        self.collection("sessions").update_many({"user": user, "revoked_at": None}, ended)
        self.collection("reset_tokens").delete_many({"user": user})

    @explained
    def add_reset_token(self, digest: str, user: str, expires: datetime) -> None:
        """Keep a reset token; older ones of the user count no more."""
        self.collection("reset_tokens").delete_many({"user": user})
        self.collection("reset_tokens").insert_one({"_id": digest, "user": user, "expires_at": expires})

    @explained
    def use_reset_token(self, digest: str) -> str | None:
        """The user whose token this is, once; None where it is unknown, used or too old."""
        wanted = {"_id": digest, "expires_at": {"$gt": datetime.now(UTC)}}
        found = self.collection("reset_tokens").find_one_and_delete(wanted)
        return str(found["user"]) if found else None

    @explained
    def closed_until(self, of: str) -> datetime | None:
        """Until when no login of this user or address is taken; None where one is taken now."""
        found = self.collection("login_failures").find_one({"_id": of})
        until = found.get("until") if found else None
        return until if until is not None and until > datetime.now(UTC) else None

    @explained
    def take_attempt(self, of: str, wait_after: Callable[[int], float]) -> datetime | None:
        """Count one more login before it is tried, and close until the next may be; None where this one may.

        Reading and counting are one conditional write, in all workers together: of many attempts at once only those
        pass that would have passed one after the other. They are forgotten after an hour without one.
        """
        attempts = self.collection("login_failures")
        for _ in range(_TURNS):
            found, now = attempts.find_one({"_id": of}) or {"count": 0}, datetime.now(UTC)
            until: datetime | None = found.get("until")
            if until is not None and until > now:
                return until
            wait = wait_after(found["count"] + 1)
            change = {
                "count": found["count"] + 1,
                "until": now + timedelta(seconds=wait) if wait else None,
                "expires_at": now + _FAILURES_KEPT,
            }
            if self._counted(of, found, change):
                return None
        return datetime.now(UTC) + timedelta(seconds=1)  # so many at once are no person

    def _counted(self, of: str, found: Document, change: Document) -> bool:
        from pymongo.errors import DuplicateKeyError

        same = {"_id": of, "count": found["count"], "until": found.get("until")}
        try:
            done = self.collection("login_failures").update_one(same, {"$set": change}, upsert="_id" not in found)
        except DuplicateKeyError:  # another attempt was the first
            return False
        return bool(done.matched_count or done.upserted_id)

    @explained
    def forgive_one(self, of: str) -> None:
        """Take back one counted attempt that was no failure."""
        self.collection("login_failures").update_one({"_id": of, "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    @explained
    def forget_failures(self, of: str) -> None:
        """Begin to count anew."""
        self.collection("login_failures").delete_one({"_id": of})
