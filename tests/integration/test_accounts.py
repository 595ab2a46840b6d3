"""Users and keys on a real MongoDB: one admin always stays, whoever acts at once; each change is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from millrace.accounts.keys import Grant, Keys
from millrace.accounts.roles import Permission, Role
from millrace.accounts.trail import Actor, AuditTrail
from millrace.accounts.users import Users
from millrace.errors import ConflictError, NotFoundError, RequestError
from millrace.settings import Settings
from millrace.stores.accounts import MongoAccounts
from millrace.stores.audit_log import MongoAuditLog

pytestmark = pytest.mark.integration
ANN = Actor("ann", "shell")


@pytest.fixture
def accounts(settings: Settings) -> MongoAccounts:
    return MongoAccounts(settings)


@pytest.fixture
def trail(settings: Settings) -> AuditTrail:
    return AuditTrail(MongoAuditLog(settings))


@pytest.fixture
def users(accounts: MongoAccounts, trail: AuditTrail) -> Users:
    return Users(accounts, trail)


@pytest.fixture
def keys(accounts: MongoAccounts, trail: AuditTrail) -> Keys:
    return Keys(accounts, trail, ["standard", "bulk"])


def admins(accounts: MongoAccounts) -> set[str]:
    return {user["_id"] for user in accounts.users(100) if user["role"] == "admin" and not user["disabled"]}


def at_once(works: list[Callable[[], object]]) -> list[BaseException | None]:
    """What became of pieces of work that begin at the same moment."""
    barrier = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> BaseException | None:
        barrier.wait()
        try:
            work()
        except ConflictError as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begin, works))


LEAVINGS = {
    "demoted": lambda users, name: users.change(ANN, name, {"role": "viewer"}),
    "closed": lambda users, name: users.change(ANN, name, {"disabled": True}),
    "removed": lambda users, name: users.delete(ANN, name),
}


@pytest.mark.parametrize("how", LEAVINGS)
def test_two_admins_who_end_each_other_leave_one(users, accounts, how):
    both_refused = 0
    for turn in range(15):
        pair = [f"{how}-{turn}-{side}" for side in "ab"]
        for name in pair:
            users.create(ANN, name, Role.ADMIN, None)
        outcomes = at_once([lambda name=name: LEAVINGS[how](users, name) for name in pair])
        left = admins(accounts)
        assert left, f"no admin is left in turn {turn}"
        assert len(left) == 2 - outcomes.count(None)
        both_refused += outcomes.count(None) == 0
        for name in left:  # alone, each of them may not go, and a new admin lets it go
            if len(left) == 1:
                with pytest.raises(ConflictError, match="only admin"):
                    LEAVINGS[how](users, name)
        users.create(ANN, "keeper", Role.ADMIN, None)
        for name in left:
            LEAVINGS[how](users, name)
        assert admins(accounts) == {"keeper"}
        accounts.collection("users").delete_many({})
    assert both_refused < 15  # at once they may both be refused, but not always


def test_many_admins_who_leave_while_others_come_and_go_leave_one(users, accounts):
    names = [f"admin-{number}" for number in range(5)]
    for name in names:
        users.create(ANN, name, Role.ADMIN, None)
    for _ in range(6):
        works = [lambda name=name: users.change(ANN, name, {"role": "operator"}) for name in names]
        works += [lambda name=name: users.change(ANN, name, {"role": "admin"}) for name in names[:2]]
        at_once(works)
        assert admins(accounts)
        for name in names:
            users.change(ANN, name, {"role": "admin"})


def test_a_mark_that_somebody_left_behind_is_forgotten(users, accounts):
    for name in ("ann", "bob"):
        users.create(ANN, name, Role.ADMIN, None)
    mark = {"token": "dead", "at": datetime.now(UTC)}
    accounts.collection("users").update_one({"_id": "bob"}, {"$set": {"leaving": mark}})
    with pytest.raises(ConflictError):  # bob may be leaving just now
        users.change(ANN, "ann", {"role": "viewer"})
    old = datetime.now(UTC) - timedelta(minutes=5)
    accounts.collection("users").update_one({"_id": "bob"}, {"$set": {"leaving.at": old}})
    assert users.change(ANN, "ann", {"role": "viewer"})["role"] == "viewer"
    assert admins(accounts) == {"bob"}


def test_whoever_is_no_admin_changes_freely(users, accounts):
    users.create(ANN, "ann", Role.ADMIN, None)
    users.create(ANN, "vera", Role.VIEWER, None)
    users.change(ANN, "vera", {"disabled": True})
    users.change(ANN, "vera", {"role": "admin"})  # closed: she is no admin in force
    with pytest.raises(ConflictError):
        users.change(ANN, "ann", {"disabled": True})
    users.change(ANN, "vera", {"disabled": False})
    users.change(ANN, "ann", {"disabled": True})
    assert admins(accounts) == {"vera"}
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        users.delete(ANN, "nobody")


def test_every_change_is_recorded_and_no_secret_is(users, keys, settings):
    users.create(ANN, "otto", Role.OPERATOR, "correct horse battery staple")
    token, _ = users.reset_token(ANN, "otto", 60)
    users.set_password(ANN, "password.reset", "otto", "a brass wheel turns slowly")
    key, about = keys.create(ANN, "otto", Grant("nightly", models=["mill"]))
    keys.revoke(ANN, key.id)
    entries = MongoAuditLog(settings).entries(100)
    assert [entry["action"] for entry in reversed(entries)] == [
        "user.create", "password.reset_token", "password.reset", "key.create", "key.revoke"
    ]  # fmt: skip
    assert {(entry["who"], entry["kind"]) for entry in entries} == {("ann", "shell")}
    for secret in (token, key.secret, "horse", "brass wheel"):
        assert secret not in str(entries)
    assert about["models"] == ["mill"]


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        (Grant("k", scopes=["users"]), "cannot have the scope 'users'"),
        (Grant("k", scopes=[Permission.PROMOTE]), "vera is viewer"),
        (Grant("k", plan="bulky"), "Did you mean 'bulk'"),
    ],
)
def test_a_key_that_cannot_be_is_refused(users, keys, accounts, grant, words):
    users.create(ANN, "vera", Role.VIEWER, None)
    with pytest.raises(RequestError, match=words):
        keys.create(ANN, "vera", grant)
    assert accounts.keys(None, 10) == []


@pytest.mark.parametrize("name", ["", "Ann", "a b", "ä", "x" * 65, "-a", "a\n"])
def test_a_name_that_is_none_is_refused(users, name):
    with pytest.raises(RequestError, match="no name of a user"):
        users.create(ANN, name, Role.VIEWER, None)
