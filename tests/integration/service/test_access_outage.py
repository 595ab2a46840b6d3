"""Access when MongoDB is killed: known callers go on, nobody new comes in, and nothing is changed unrecorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import httpx
import pytest
from free_ports import free_port_base

from millrace.local.programs import mongodb
from millrace.stores.accounts import MongoAccounts

pytestmark = pytest.mark.integration


@pytest.fixture
def server(settings, monkeypatch, wait):
    """A MongoDB of the test's own, which may be killed: its settings, and how to start it again."""
    monkeypatch.setenv("SERVING_ANONYMOUS_ROLE", "none")
    monkeypatch.setenv("SERVING_IDENTITY_SECONDS", "0.2")
    monkeypatch.setattr("millrace.connections.CONNECT_SECONDS", 0.5)
    own = settings.model_copy(update={"millrace_port_base": free_port_base()})
    program = mongodb(own)
    elsewhere = {"s3_endpoint_url": settings.s3_endpoint, "mongodb_uri": None}
    (own.millrace_home / "mongodb").mkdir()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        with (own.millrace_home / "mongodb.log").open("ab") as log:
            process = subprocess.Popen(program.argv, stdout=log, stderr=log, cwd=own.millrace_home)
        started.append(process)
        wait(lambda: program.probe("127.0.0.1")(0))
        return process

    yield own.model_copy(update=elsewhere), start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def sign_in(client: httpx.Client, settings) -> dict[str, str]:
    """The headers of the first admin; empty until the service has made it."""
    file = settings.millrace_home / "service-admin-password"
    if not file.exists():
        return {}
    body = {"username": "admin", "password": file.read_text()}
    token = client.post("/api/v1/auth/login", json=body).json().get("access_token")
    return {"Authorization": f"Bearer {token}"} if token else {}


def test_known_callers_live_through_the_death_of_mongodb(server, start, wait):
    settings, start_mongodb = server
    process = start_mongodb()
    with start(settings) as client:
        wait(lambda: MongoAccounts(settings).has_users())
        admin = sign_in(client, settings)
        made = [
            client.post("/api/v1/keys", json={"name": name, "scopes": ["read"]}, headers=admin).json()
            for name in ("known", "new", "ended")
        ]
        known, new, ended = ({"X-API-Key": entry["key"]} for entry in made)
        for headers in (known, ended):
            assert client.get("/api/v1/models", headers=headers).status_code == 200
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        answers = [client.get("/api/v1/models", headers=known).status_code for _ in range(30)]
        assert set(answers) == {200}
        assert client.get("/api/v1/models").status_code == 401
        refused = client.get("/api/v1/models", headers=new)
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        change = client.post("/api/v1/users", json={"name": "vera"}, headers=admin)
        assert (change.status_code, change.json()["code"]) == (503, "storage_unavailable")
        start_mongodb()
        wait(lambda: client.get("/api/v1/models", headers=new).status_code == 200)
        wait(lambda: client.get("/api/v1/keys", headers=admin).status_code == 200)
        client.delete(f"/api/v1/keys/{made[2]['about']['id']}", headers=admin).raise_for_status()
        wait(lambda: client.get("/api/v1/models", headers=ended).status_code == 401)
        log = client.get("/api/v1/audit?limit=200", headers=admin)
        assert "user.create" not in [e["action"] for e in json.loads(log.text)["entries"] if e["target"] == "user:vera"]
