"""Sessions, reset tokens and failed logins on MongoDB: what comes and goes around an account.

Each step that must happen once is one conditional write, so that two callers at once cannot both succeed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from millrace.stores.mongo import Document, MongoStore, explained

_FAILURES_KEPT = timedelta(hours=1)


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
    def failures(self, of: str) -> Document | None:
        """`count` and `until` of the failed logins of a user or an address."""
        return self.collection("login_failures").find_one({"_id": of})

    @explained
    def count_failure(self, of: str) -> int:
        """Count one more failed login; returns how many there are. They are forgotten after an hour without one."""
        from pymongo import ReturnDocument

        forget = datetime.now(UTC) + _FAILURES_KEPT
        counted = self.collection("login_failures").find_one_and_update(
            {"_id": of},
            {"$inc": {"count": 1}, "$set": {"expires_at": forget}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(counted["count"]) if counted else 1

    @explained
    def close_until(self, of: str, until: datetime) -> None:
        """Take no login of this user or address until then."""
        self.collection("login_failures").update_one({"_id": of}, {"$max": {"until": until}})

    @explained
    def forgive_one(self, of: str) -> None:
        """Take back one counted attempt that was no failure."""
        self.collection("login_failures").update_one({"_id": of, "count": {"$gt": 0}}, {"$inc": {"count": -1}})

    @explained
    def forget_failures(self, of: str) -> None:
        """Begin to count anew."""
        self.collection("login_failures").delete_one({"_id": of})
