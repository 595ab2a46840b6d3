"""Credentials of sources and sinks on MongoDB, encrypted. A value comes out for a run only, never for an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from millrace.errors import NotFoundError, RequestError, StorageError, did_you_mean
from millrace.revealed import reveal
from millrace.stores.cipher import Cipher, cipher
from millrace.stores.mongo import Document, MongoStore, explained

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
MOST_CHARACTERS = 65_536
_ABOUT = {"ciphertext": 0}
_TURNS = 5


class MongoCredentials(MongoStore):
    """The credentials of one installation, by name."""

    @explained
    def listed(self) -> list[Document]:
        """All credentials without their values: name, key, who set them and when."""
        return [_shown(found) for found in self.collection("credentials").find({}, _ABOUT).sort("_id", 1)]

    @explained
    def about(self, name: str) -> Document | None:
        """One credential without its value, or None."""
        found = self.collection("credentials").find_one({"_id": name}, _ABOUT)
        return _shown(found) if found else None

    @explained
    def set(self, name: str, value: str, who: str) -> None:
        """Keep a value under a name, instead of the one that was there. Raises RequestError."""
        check_credential(name, value)
        keys = cipher(self._settings)
        about = {"set_by": who, "set_at": datetime.now(UTC), "rotated_at": None}
        # The name is encrypted too: a value that was moved to another name is refused.
        text = keys.encrypt(json.dumps([name, value]))
        self.collection("credentials").replace_one(
            {"_id": name}, {"ciphertext": text, "key_id": keys.key_id, **about}, upsert=True
        )

    @explained
    def remove(self, name: str) -> None:
        """Forget a credential. Raises NotFoundError."""
        if not self.collection("credentials").delete_one({"_id": name}).deleted_count:
            raise self._absent(name)

    @explained
    def values(self, names: Collection[str]) -> dict[str, str]:
        """The values by name; from now on `millrace.revealed` hides them. Raises NotFoundError, StorageError."""
        found = {kept["_id"]: kept for kept in self.collection("credentials").find({"_id": {"$in": sorted(names)}})}
        for name in sorted(names):
            if name not in found:
                raise self._absent(name)
        keys = cipher(self._settings)
        return {name: reveal(_opened(keys, found[name])) for name in names}

    @explained
    def rotate(self) -> int:
        """Encrypt all anew under the first key; how many. What is set at the same moment is not lost."""
        keys, turned = cipher(self._settings), 0
        for _ in range(_TURNS):  # one that was set meanwhile by a process that still had the old key comes again
            old = list(self.collection("credentials").find({"key_id": {"$ne": keys.key_id}}))
            if not old:
                break
            turned += sum(self._turn(keys, kept) for kept in old)
        return turned

    def _turn(self, keys: Cipher, kept: Document) -> int:
        text = keys.rotated(kept["ciphertext"])
        if text is None:
            raise _locked(kept)
        change = {"$set": {"ciphertext": text, "key_id": keys.key_id, "rotated_at": datetime.now(UTC)}}
        same = {"_id": kept["_id"], "ciphertext": kept["ciphertext"]}
        return self.collection("credentials").update_one(same, change).modified_count

    def _absent(self, name: str) -> NotFoundError:
        known = [found["_id"] for found in self.collection("credentials").find({}, {"_id": 1})]
        hint = f"Store it: millrace credentials set {name}."
        return NotFoundError(
            f"There is no credential '{name}'.", hint=f"{did_you_mean(name, known)} {hint}" if known else hint
        )


def check_credential(name: str, value: str) -> None:
    """Raise RequestError for a name or a value that cannot be kept."""
    if not re.fullmatch(NAME, name):
        raise RequestError(
            f"'{name}' is no name of a credential.",
            hint="Allowed: 1 to 64 of a-z 0-9 . _ -, a letter or digit first.",
        )
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise RequestError("The value is no text in UTF-8.", hint="Encode binary values, as base64 for instance.")
    if not 0 < len(value) <= MOST_CHARACTERS:
        raise RequestError(f"A credential has 1 to {MOST_CHARACTERS:,} characters; this one has {len(value):,}.")


def _opened(keys: Cipher, kept: Document) -> str:
    text = keys.decrypt(kept["ciphertext"])
    if text is None:
        raise _locked(kept)
    name, value = json.loads(text)
    if name != kept["_id"]:
        raise StorageError(f"The credential '{kept['_id']}' holds the value of another one.", hint="Set it again.")
    return str(value)


def _locked(kept: Document) -> StorageError:
    return StorageError(
        f"The credential '{kept['_id']}' cannot be decrypted: its key {kept['key_id']} is not among the keys here.",
        hint="Give this process the same MILLRACE_CREDENTIAL_KEYS (or MILLRACE_HOME) as the one that set it.",
    )


def _shown(found: Document) -> dict[str, Any]:
    return {"name": found["_id"], **{name: found.get(name) for name in ("key_id", "set_by", "set_at", "rotated_at")}}
