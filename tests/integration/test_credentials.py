"""Stored credentials on a real MongoDB: encrypted, rotated, set by command and by HTTP, recorded without values."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from cli_helpers import PROGRAM, commands_on, inherited, stores_of
from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.testclient import TestClient

from millrace.accounts.users import new_user
from millrace.errors import NotFoundError, RequestError, SettingsError, StorageError
from millrace.pipeline import new_run_id, open_context, run_pipeline
from millrace.settings import Settings
from millrace.spec.catalogue import load_spec
from millrace.stores.cipher import add_key, key_id, own_keys_file
from millrace.stores.credentials import MongoCredentials
from serving.app import create_app

pytestmark = pytest.mark.integration
JSON = {"Content-Type": "application/json"}
VALUE = "p@ss/w#rd: 100% ünsafe"


def with_keys(settings: Settings, *keys: str) -> MongoCredentials:
    return MongoCredentials(settings.model_copy(update={"millrace_credential_keys": SecretStr(",".join(keys))}))


def stored(settings: Settings) -> list[dict]:
    return list(MongoCredentials(settings).collection("credentials").find({}))


def test_a_value_is_kept_encrypted_and_comes_back(settings):
    store = MongoCredentials(settings)
    store.set("warehouse", VALUE, "ann")
    assert store.values({"warehouse"}) == {"warehouse": VALUE}
    assert VALUE not in str(stored(settings))
    assert own_keys_file(settings).stat().st_mode & 0o777 == 0o600
    about = store.listed()[0]
    assert (about["name"], about["set_by"], about["key_id"]) == (
        "warehouse", "ann", key_id(own_keys_file(settings).read_text().strip())
    )  # fmt: skip
    assert "ciphertext" not in about
    with pytest.raises(NotFoundError, match="Did you mean 'warehouse'"):
        store.values({"warehous"})
    store.remove("warehouse")
    with pytest.raises(NotFoundError, match="millrace credentials set warehouse"):
        store.values({"warehouse"})


@pytest.mark.parametrize(
    ("name", "value"), [("A", "x"), ("", "x"), ("a/b", "x"), ("a", ""), ("a", "x" * 70_000), ("a", "\ud800")]
)
def test_odd_names_and_values_are_refused(settings, name, value):
    with pytest.raises(RequestError):
        MongoCredentials(settings).set(name, value, "ann")
    assert stored(settings) == []


def test_keys_are_rotated_without_a_moment_in_which_a_value_cannot_be_read(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    for number in range(8):
        with_keys(settings, old).set(f"c{number}", f"value {number}", "ann")
    both = with_keys(settings, new, old)
    with ThreadPoolExecutor(3) as threads:
        reads = [threads.submit(both.values, {f"c{turn % 8}"}) for turn in range(40)]
        turned = threads.submit(both.rotate)
        late = threads.submit(with_keys(settings, old).set, "c0", "set meanwhile", "bob")
        late.result()
        turned.result()
        for read in reads:
            assert read.result()
    both.rotate()
    alone = with_keys(settings, new)
    assert alone.values({f"c{number}" for number in range(1, 8)}) == {f"c{n}": f"value {n}" for n in range(1, 8)}
    assert alone.values({"c0"}) == {"c0": "set meanwhile"}
    assert {kept["key_id"] for kept in stored(settings)} == {key_id(new)}
    with pytest.raises(StorageError, match=key_id(new)):
        with_keys(settings, old).values({"c1"})
    assert both.rotate() == 0


def test_a_value_under_another_name_is_refused(settings):
    store = MongoCredentials(settings)
    store.set("a", "value a", "ann")
    store.set("b", "value b", "ann")
    moved = next(kept for kept in stored(settings) if kept["_id"] == "a")["ciphertext"]
    store.collection("credentials").update_one({"_id": "b"}, {"$set": {"ciphertext": moved}})
    with pytest.raises(StorageError, match="value of another one"):
        store.values({"b"})


def test_keys_that_are_none_and_keys_that_are_set_elsewhere(settings):
    with pytest.raises(SettingsError, match="openssl"):
        with_keys(settings, "not a key").set("a", "value", "ann")
    with pytest.raises(SettingsError, match="MILLRACE_CREDENTIAL_KEYS"):
        add_key(settings.model_copy(update={"millrace_credential_keys": SecretStr(Fernet.generate_key().decode())}))
    absent = settings.model_copy(update={"millrace_credential_keys_file": settings.millrace_home / "absent"})
    with pytest.raises(SettingsError, match="absent"):
        MongoCredentials(absent).set("a", "value", "ann")


@pytest.fixture
def millrace(settings: Settings):
    """Runs the commands on the test's installation."""
    return commands_on(settings)


def test_the_commands_take_a_value_and_never_show_it(millrace, settings, tmp_path):
    spec = tmp_path / "p.yaml"
    spec.write_text("name: p\nsource: {type: sql, url: '${credential:warehouse}', table: t}\n")
    assert "'warehouse' is not stored yet" in millrace("lint", str(spec)).stdout
    outcomes = [
        millrace("credentials", "set", "warehouse", given=VALUE + "\n"),
        millrace("credentials", "list"),
        millrace("credentials", "list", "--json"),
        millrace("credentials", "rotate", "--new-key"),
        millrace("lint", str(spec)),
    ]
    assert [outcome.returncode for outcome in outcomes] == [0] * 5, [outcome.stderr for outcome in outcomes]
    assert "warehouse" in outcomes[1].stdout
    assert json.loads(outcomes[2].stdout)[0]["name"] == "warehouse"
    assert "1 credential encrypted anew" in outcomes[3].stderr
    assert "not stored" not in outcomes[4].stdout
    assert not [o for o in outcomes if VALUE in o.stdout + o.stderr]
    assert MongoCredentials(settings).values({"warehouse"}) == {"warehouse": VALUE}
    assert len(own_keys_file(settings).read_text().split()) == 2
    assert millrace("credentials", "remove", "warehouse").returncode == 0
    assert millrace("credentials", "remove", "warehouse").returncode == 2
    assert millrace("credentials", "set", "empty").returncode == 2


def test_only_admins_set_credentials_by_http_and_the_record_has_no_value(settings, monkeypatch):
    monkeypatch.setenv("SERVING_IDENTITY_SECONDS", "0")
    client = TestClient(create_app(settings), raise_server_exceptions=False)
    access, headers = client.app.state.services.access, {}
    for name, role in (("ann", "admin"), ("otto", "operator")):
        access.accounts.create_user(new_user(name, role, "a brass wheel turns slowly"))
        body = {"username": name, "password": "a brass wheel turns slowly"}
        token = client.post("/api/v1/auth/login", json=body).json()["access_token"]
        headers[name] = {"Authorization": f"Bearer {token}"}
    put = "/api/v1/credentials/warehouse"
    assert client.put(put, json={"value": VALUE}).status_code == 401
    assert client.put(put, json={"value": VALUE}, headers=headers["otto"]).status_code == 403
    assert client.get("/api/v1/credentials", headers=headers["otto"]).status_code == 403
    answers = [
        client.put(put, json={"value": VALUE}, headers=headers["ann"]),
        client.get("/api/v1/credentials", headers=headers["ann"]),
        client.post("/api/v1/credentials/rotate", headers=headers["ann"]),
        client.put(put, json={"value": ""}, headers=headers["ann"]),
        client.put("/api/v1/credentials/A", json={"value": VALUE}, headers=headers["ann"]),
        client.put(
            put, content=b'{"value": "\\ud800"}', headers={**headers["ann"], "Content-Type": "application/json"}
        ),
        client.delete(put, headers=headers["ann"]),
        client.delete(put, headers=headers["ann"]),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422, 422, 422, 200, 404]
    assert answers[1].json()["credentials"][0]["set_by"] == "ann"
    entries = access.audit_log.entries(100)
    assert [e["action"] for e in entries if e["action"].startswith("credential")] == [
        "credential.remove.failed", "credential.remove", "credential.remove", "credential.rotate", "credential.set"
    ]  # fmt: skip
    assert VALUE not in str(entries) + "".join(answer.text for answer in answers)


def test_a_run_reads_and_writes_with_stored_credentials_and_no_record_holds_them(settings, tmp_path):
    database = tmp_path / "ware house.db"
    with sqlite3.connect(database) as connection:
        connection.execute("create table t (a real, b text)")
        connection.executemany("insert into t values (?, ?)", [(1.5, "x"), (2.5, "y")])
    spec = tmp_path / "p.yaml"
    spec.write_text("""
name: p
source: {type: sql, url: "${credential:warehouse}", table: t}
load: [{type: sql, url: "${credential:warehouse}", table: u, mode: replace}]
""")
    url = f"sqlite:///{database}"
    loaded = load_spec(spec)
    context = open_context(loaded, new_run_id(loaded.spec), settings=settings)
    failed = run_pipeline(context)
    assert "There is no credential 'warehouse'" in failed["error"]["message"]
    MongoCredentials(settings).set("warehouse", url, "ann")
    context = open_context(loaded, new_run_id(loaded.spec), settings=settings)
    summary = run_pipeline(context)
    assert summary["status"] == "success", summary["error"]
    with sqlite3.connect(database) as connection:
        assert connection.execute("select a, b from u order by a").fetchall() == [(1.5, "x"), (2.5, "y")]
    record = context.runs.get_run(context.run_id)
    assert record["spec"]["source"]["url"] == "${credential:warehouse}"
    assert url not in str(record)


def test_a_value_that_is_typed_is_asked_twice_and_never_echoed(settings):
    environment = inherited() | {"MILLRACE_HOME": str(settings.millrace_home), **stores_of(settings)}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM[0], [*PROGRAM, "credentials", "set", "typed"], environment)
    seen = b""
    for prompt in (b"Value of typed: ", b"Repeat for confirmation: "):  # the space comes when the echo is off
        while prompt not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, b"typed-by-hand\n")
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while chunk := os.read(terminal, 4096):
            seen += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert b"typed-by-hand" not in seen
    assert MongoCredentials(settings).values({"typed"}) == {"typed": "typed-by-hand"}
