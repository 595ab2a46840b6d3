"""The stores of runs without a stack: there while somebody uses them, gone afterwards, also after a kill -9."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from free_ports import free_port_base
from waiting import until

from millrace.connections import mongo_client, s3_client
from millrace.errors import StackError
from millrace.local.processes import end, processes_of
from millrace.local.programs import mongodb
from millrace.local.stack_env import read_stack_env, write_stack_env
from millrace.local.stores import stores_running
from millrace.settings import Settings

pytestmark = pytest.mark.integration

USER = """
import sys, time
from pathlib import Path
from millrace.local.stores import stores_running
from millrace.settings import get_settings
with stores_running(get_settings()) as settings:
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation without servers."""
    home = tmp_path / "home"
    yield Settings(millrace_home=home, millrace_port_base=free_port_base(), _env_file=None)
    end(processes_of(home), 10)


def user(settings: Settings) -> subprocess.Popen[str]:
    """Another process that uses the stores until it is told to stop."""
    env = {
        **os.environ,
        "MILLRACE_HOME": str(settings.millrace_home),
        "MILLRACE_PORT_BASE": str(settings.millrace_port_base),
    }
    child = subprocess.Popen(
        [sys.executable, "-c", USER], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "in"
    return child


def test_they_answer_within_and_are_gone_after(own: Settings) -> None:
    with stores_running(own) as settings:
        mongo_client(settings)["check"]["things"].insert_one({"_id": 1})
        s3_client(settings).put_object(Bucket=settings.s3_bucket, Key="kept", Body=b"content")
    assert processes_of(own.millrace_home) == []
    assert not mongodb(own).probe("127.0.0.1")(0)
    with stores_running(own) as settings:
        assert mongo_client(settings)["check"]["things"].find_one() == {"_id": 1}
        assert s3_client(settings).get_object(Bucket=settings.s3_bucket, Key="kept")["Body"].read() == b"content"


def test_two_users_share_and_the_last_one_stops_them(own: Settings) -> None:
    first = user(own)
    with stores_running(own) as settings:
        servers = {process.pid for process in processes_of(own.millrace_home)}
        first.communicate("done\n")
        mongo_client(settings)["check"]["things"].insert_one({"_id": 1})
        assert {process.pid for process in processes_of(own.millrace_home)} == servers
    assert processes_of(own.millrace_home) == []


def test_users_that_come_at_once_start_them_once(own: Settings) -> None:
    env = {"MILLRACE_HOME": str(own.millrace_home), "MILLRACE_PORT_BASE": str(own.millrace_port_base)}
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for one in users:
        assert one.stdout is not None
        assert one.stdout.readline().strip() == "in"
    assert len(processes_of(own.millrace_home)) == 3  # the keeper, MongoDB, S3
    for one in users:
        one.communicate("done\n")
        assert one.returncode == 0
    assert processes_of(own.millrace_home) == []


def test_a_killed_user_leaves_nothing_behind(own: Settings) -> None:
    child = user(own)
    assert len(processes_of(own.millrace_home)) == 3
    child.send_signal(signal.SIGKILL)
    child.wait()
    until(lambda: processes_of(own.millrace_home) == [])


def test_a_killed_server_comes_back_with_what_was_acknowledged(own: Settings) -> None:
    with stores_running(own) as settings:
        things = mongo_client(settings)["check"]["things"]
        things.insert_one({"_id": 1})
        (server,) = [p for p in processes_of(own.millrace_home) if "secantusd-py" in " ".join(p.cmdline())]
        server.kill()
        psutil.wait_procs([server], timeout=5)
        until(lambda: mongodb(own).probe("127.0.0.1")(0))
        assert things.find_one() == {"_id": 1}


def test_a_port_that_another_program_has_is_named(own: Settings) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", own.port(4)))
        other.listen()
        with (
            pytest.raises(StackError, match=f"Port {own.port(4)}, which s3 needs, is in use by .*pid {os.getpid()}"),
            stores_running(own),
        ):
            pass
    assert processes_of(own.millrace_home) == []


def test_the_stores_of_another_home_are_not_taken_for_ours(own: Settings, tmp_path: Path) -> None:
    other = own.model_copy(update={"millrace_home": tmp_path / "other"})
    with stores_running(own), pytest.raises(StackError, match=str(own.millrace_home)), stores_running(other):
        pass


def test_the_address_of_a_stack_that_was_killed_is_forgotten(own: Settings) -> None:
    uri = f"http://127.0.0.1:{own.port(2)}"
    write_stack_env(own.millrace_home, {"MLFLOW_TRACKING_URI": uri})
    with stores_running(own.model_copy(update={"mlflow_tracking_uri": uri})) as settings:
        assert settings.mlflow == f"sqlite:///{own.millrace_home / 'mlflow' / 'mlflow.db'}"
    assert read_stack_env(own.millrace_home) == {}


def test_servers_elsewhere_are_left_to_themselves(own: Settings) -> None:
    elsewhere = own.model_copy(
        update={"mongodb_uri": "mongodb://db.example.org/", "s3_endpoint_url": "https://s3.example.org"}
    )
    with stores_running(elsewhere):
        assert processes_of(own.millrace_home) == []
